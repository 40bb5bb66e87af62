"""Each layer forced off: the report says so, the level falls, and what is asked for is refused."""

from __future__ import annotations

import pytest

from ratchet.core.errors import SandboxError
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.protocol import End, Level, Program
from tests.attacks import test_files, test_network, test_own_run, test_processes, test_signals
from tests.attacks.attack import Attack, Host, assault

LEVELS = {
    frozenset[str](): Level.ISOLATED,
    frozenset({"landlock"}): Level.ISOLATED,
    frozenset({"seccomp"}): Level.CONFINED,
    frozenset({"namespaces"}): Level.CONFINED,
    frozenset({"seccomp", "landlock"}): Level.CONFINED,
    frozenset({"namespaces", "seccomp"}): Level.PROCESS,
    frozenset({"namespaces", "landlock"}): Level.PROCESS,
    frozenset({"rlimits"}): Level.PROCESS,
}
"""What is left without some layers, on a kernel that has them all."""
CONFINED = (
    *test_files.ATTACKS,
    *test_network.ATTACKS,
    *test_own_run.ATTACKS,
    *test_processes.ATTACKS,
    *test_signals.ATTACKS,
)


def name(off: frozenset[str]) -> str:
    return "-".join(sorted(off)) or "none"


@pytest.mark.parametrize("off", LEVELS, ids=name)
def test_the_level_is_what_is_left(off: frozenset[str]) -> None:
    expected = LEVELS[off]
    with open_sandbox(Level.PROCESS, workers=1, off=off) as opened:
        found = opened.capability
        holds = {x.name: x.holds for x in found.layers if x.name not in ("interpreter", "cgroup")}
        assert found.level is expected
        assert not any(holds[layer] for layer in off)
        assert all(held for layer, held in holds.items() if layer not in off)
        assert all(layer.detail for layer in found.layers)
        run = opened.run(Program("def f():\n    return 1", "f"), [()])
        assert run.end is End.OK and run.results[0].value == 1


@pytest.mark.parametrize("off", [o for o in LEVELS if LEVELS[o] < Level.ISOLATED], ids=name)
def test_what_cannot_be_had_is_refused(off: frozenset[str]) -> None:
    with pytest.raises(SandboxError) as caught:
        open_sandbox(workers=1, off=off)
    assert caught.value.hint
    assert any(layer in str(caught.value) for layer in off)


def test_a_kernel_of_its_own_is_refused() -> None:
    with pytest.raises(SandboxError, match="VIRTUAL"):
        open_sandbox(Level.VIRTUAL, workers=1)


def test_an_unknown_layer_is_an_error() -> None:
    with pytest.raises(SandboxError, match="moat"):
        open_sandbox(off=["moat"])


ALLOWED_WITHOUT = {
    "seccomp": {
        "kernel_sockets",
        "listen",
        "inherited_sockets",
        "socket_by_number",
        "what_the_machine_is_doing",
    },
    "namespaces": {"stat", "read_the_ledger", "folder_of_others"},
    "landlock": set[str](),
}
"""Without seccomp, sockets in a network of one's own, and how busy the machine is; without
namespaces, to see that files are."""


@pytest.mark.slow
@pytest.mark.parametrize("off", ["namespaces", "seccomp", "landlock"])
def test_one_layer_less_still_holds(host: Host, off: str) -> None:
    """At CONFINED and above no attack on files, network, signals or the run gets through."""
    failures: list[str] = []
    with open_sandbox(Level.CONFINED, workers=1, off=[off]) as opened:
        (interpreter,) = [x for x in opened.capability.layers if x.name == "interpreter"]
        if not interpreter.holds:  # as root with a Python that only root may read: see test_users
            assert off == "namespaces"
            return
        for attack in CONFINED:
            problem = _problem(opened, host, attack)
            if problem and attack.name not in ALLOWED_WITHOUT[off]:
                failures.append(f"{attack}: {problem}")
    assert not failures, "\n".join(failures)


def _problem(opened: object, host: Host, attack: Attack) -> str:
    try:
        assault(opened, host, attack)  # type: ignore[arg-type]
    except AssertionError as error:
        return str(error)[:300]
    return ""
