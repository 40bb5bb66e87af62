"""A sandbox says what it can promise, finds out when that is not so, and fails closed."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet.core.errors import SandboxError
from ratchet.sandbox import kernel, open, probe
from ratchet.sandbox.open import level_of, open_sandbox
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import Capability, End, Layer, Level, Program

ROOT = os.geteuid() == 0
ALL = frozenset(probe.LAYERS)


def held(capability: Capability) -> set[str]:
    return {layer.name for layer in capability.layers if layer.holds}


def test_this_machine_isolates() -> None:
    """Where it does not, the library refuses model-written code: so the suite must not pass."""
    with open_sandbox(workers=1) as sandbox:
        assert sandbox.capability.level is Level.ISOLATED
        assert held(sandbox.capability) >= ALL - {"landlock"}
        assert all(layer.detail for layer in sandbox.capability.layers)


@pytest.mark.parametrize(
    ("off", "level"),
    [
        ({"landlock"}, Level.ISOLATED),
        ({"seccomp"}, Level.CONFINED),
        ({"seccomp", "landlock"}, Level.CONFINED),
        ({"namespaces"}, Level.CONFINED),
        ({"namespaces", "landlock"}, Level.PROCESS),
        ({"namespaces", "seccomp"}, Level.PROCESS),
        ({"rlimits"}, Level.PROCESS),
        ({"uid"}, Level.PROCESS if ROOT else Level.ISOLATED),
        (ALL, Level.PROCESS),
    ],
)
def test_each_layer_off_lowers_the_level_and_is_refused_above(off: set[str], level: Level) -> None:
    with open_sandbox(level, workers=1, off=off) as sandbox:
        assert sandbox.capability.level is level
        gone = off - (set() if ROOT else {"uid"})
        assert not held(sandbox.capability) & gone
        outcome = sandbox.run(Program("def f(x): return x + 1", "f"), [(1,)])
        assert outcome.end is End.OK and outcome.results[0].value == 2
    if level < Level.ISOLATED:
        with pytest.raises(SandboxError) as error:
            open_sandbox(Level(level + 1), workers=1, off=off)
        for name in gone & {"seccomp", "namespaces", "rlimits"}:
            assert name in error.value.message and name in error.value.hint


def test_levels_grow_with_layers() -> None:
    """Adding a layer never lowers the level."""
    for size in range(len(ALL) + 1):
        for some in itertools.combinations(sorted(ALL), size):
            for more in ALL:
                assert level_of({*some, more}) >= level_of(set(some))
    assert level_of(set()) is Level.PROCESS and level_of(set(ALL)) is Level.ISOLATED
    assert level_of(set(ALL) - {"uid"}) is Level.PROCESS


def test_a_kernel_of_its_own_cannot_be_had() -> None:
    with pytest.raises(SandboxError, match="VIRTUAL") as error:
        open_sandbox(Level.VIRTUAL, workers=1)
    assert "ISOLATED" in error.value.hint


@pytest.mark.parametrize("arguments", [{"workers": 0}, {"workers": 65}, {"off": {"firewall"}}])
def test_wrong_arguments_are_named(arguments: dict[str, object]) -> None:
    with pytest.raises(SandboxError):
        open_sandbox(**arguments)  # type: ignore[arg-type]


def test_another_system_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="darwin"):
        open_sandbox()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(kernel, "MACHINE", "riscv64")
    with pytest.raises(SandboxError, match="riscv64"):
        open_sandbox()


def test_namespaces_that_cannot_be_made_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    real = LocalSandbox

    def broken(workers: int, namespaces: bool, *rest: object) -> LocalSandbox:
        if namespaces:
            raise PermissionError(1, "unshare: Operation not permitted")
        return real(workers, namespaces, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(open, "LocalSandbox", broken)
    with pytest.raises(SandboxError, match="unshare: Operation not permitted") as error:
        open_sandbox(workers=1)
    assert "max_user_namespaces" in error.value.hint
    with open_sandbox(Level.CONFINED, workers=1) as sandbox:
        assert sandbox.capability.provider == "process"


@pytest.fixture(params=["seccomp", "landlock", "rlimits"])
def secretly_off(request: pytest.FixtureRequest) -> Iterator[tuple[LocalSandbox, str]]:
    uids = [1_999_000_000 if ROOT else 0]
    with LocalSandbox(1, True, uids, {request.param}) as sandbox:
        yield sandbox, request.param


def test_a_layer_that_does_nothing_is_found(secretly_off: tuple[LocalSandbox, str]) -> None:
    sandbox, name = secretly_off
    layers = {x.name: x for x in probe.probe(sandbox, True, 1, frozenset())}
    assert not layers[name].holds and "done" in layers[name].detail
    assert {x.name for x in layers.values() if not x.holds} == {name}


def test_namespaces_that_do_nothing_are_found() -> None:
    with LocalSandbox(1, False, [1_999_000_001 if ROOT else 0], ()) as sandbox:
        layers = {x.name: x for x in probe.probe(sandbox, True, 1, frozenset())}
    assert not layers["namespaces"].holds
    assert "a file of the machine: done" in layers["namespaces"].detail
    assert "a port of the machine: done" in layers["namespaces"].detail


def test_an_attempt_that_fails_anyway_proves_nothing() -> None:
    layer = probe._verdict("x", {"it": "refused: EPERM"}, control="refused: EPERM")
    assert layer.holds is False and "nothing is proved" in layer.detail
    assert probe._verdict("x", {"it": "refused: EPERM"}, control="done").holds
    assert not probe._verdict("x", {"it": "failed: killed"}, control="done").holds
    assert not probe._verdict("x", {"a": "refused: EPERM", "b": "done"}, control="done").holds


def test_root_is_given_up() -> None:
    if not ROOT:
        return
    with LocalSandbox(1, True, [0], ()) as sandbox:
        layers = {x.name: x for x in probe.probe(sandbox, True, 0, frozenset())}
    assert layers["uid"] == Layer("uid", False, "started as root, and no other user id can be had")


def test_the_outside_user_of_a_run_is_nobody() -> None:
    if not ROOT:
        return
    with open_sandbox(workers=2) as sandbox:
        uids = set()
        for worker in sandbox._workers:
            assert worker._process is not None
            uids.add(worker._config["uid"])
            text = Path(f"/proc/{worker._process.pid}/status").read_text()
            status = dict(line.split(":", 1) for line in text.splitlines())
            assert set(status["Uid"].split()) == {str(worker._config["uid"])}
            assert status["Groups"].split() == [] and int(status["CapEff"], 16) == 0
            assert int(status["CapPrm"], 16) == 0 and status["NoNewPrivs"].strip() == "1"
            assert int(status["Threads"]) == 1
        assert len(uids) == 2 and 0 not in uids


GROUPS = """
import os, sys
from pathlib import Path
from ratchet.sandbox.open import open_sandbox
os.setgroups([4, 24])
with open_sandbox(workers=1) as sandbox:
    text = Path(f"/proc/{sandbox._workers[0]._process.pid}/status").read_text()
    print(next(line.split()[1:] for line in text.splitlines() if line.startswith("Groups:")))
"""


def test_groups_are_given_up() -> None:
    if not ROOT:
        return
    command = [sys.executable, "-c", GROUPS]
    where = Path(__file__).parents[2]
    found = subprocess.run(command, cwd=where, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


ALONE = """
import os
from ratchet.sandbox import kernel, namespaces
from ratchet.sandbox.open import open_sandbox
uid, gid = os.geteuid(), os.getegid()
kernel.unshare(kernel.NEWUSER)
namespaces.map_ids(os.open("/proc", os.O_PATH), 0, 0, uid, gid)
try:
    open_sandbox(workers=1)
except Exception as error:
    print(type(error).__name__, error.message)
"""


def test_root_without_another_user_id_is_refused_with_the_reason() -> None:
    """As in a container of one id: a program would run as who started it, and that is root."""
    command = [sys.executable, "-c", ALONE]
    where = Path(__file__).parents[2]
    found = subprocess.run(command, cwd=where, capture_output=True, text=True, check=True)
    assert found.stdout.startswith("SandboxError level ISOLATED cannot be had, only PROCESS")
    assert "uid: started as root, and no other user id can be had" in found.stdout
