"""A cgroup that is handed to us holds a run; one that is not is left alone.

The files are stand-ins, as a machine gives them whose user may make cgroups; whether the kernel
then does its part is found at start by doing (``probe.cgroup``).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ratchet.sandbox import cgroup, pool, wire
from ratchet.sandbox.cgroup import SLACK, Cgroup, find, tidy
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.protocol import End, Level, Limits, Program

OWN = "/user.slice/user-7.slice/user@7.service/app.slice/shell.scope"
FILES = ("cgroup.procs", "memory.max", "memory.swap.max", "memory.oom.group", "pids.max")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return a /proc and a cgroup tree in which ``user@7.service`` was handed to its user."""
    mount = tmp_path / "cgroup"
    proc = tmp_path / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "self/cgroup").write_text(f"4:memory:/other\n0::{OWN}\n")
    (proc / "self/mountinfo").write_text(
        "22 1 0:20 / /proc rw - proc proc rw\n"
        f"31 24 0:27 / {mount} rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
    )
    folder = mount
    for name in OWN.split("/"):
        folder = folder / name
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.procs").write_text("")
        shares = "" if name.endswith("scope") else "cpu memory pids\n"
        (folder / "cgroup.subtree_control").write_text(shares)
    return tmp_path


def below(machine: Path, name: str) -> Path:
    return machine / f"cgroup{OWN[: OWN.index(name)]}{name}"


def test_the_nearest_cgroup_that_shares_its_controllers_is_taken(machine: Path) -> None:
    assert find(machine / "proc") == below(machine, "app.slice")
    (below(machine, "app.slice") / "cgroup.subtree_control").write_text("cpu pids")
    assert find(machine / "proc") == below(machine, "user@7.service")


def test_a_mount_that_shows_a_part_of_the_tree_is_understood(machine: Path) -> None:
    info = machine / "proc/self/mountinfo"
    part = below(machine, "user@7.service")
    info.write_text(f"31 24 0:27 {OWN[: OWN.index('/app')]} {part} rw - cgroup2 cgroup2 rw\n")
    assert find(machine / "proc") == below(machine, "app.slice")


def test_a_cgroup_of_somebody_else_is_none(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert find(machine / "proc") is None


@pytest.mark.parametrize("name", ["cgroup", "mountinfo"])
def test_a_machine_without_them_has_none(machine: Path, name: str) -> None:
    (machine / "proc/self" / name).write_text("4:memory:/other\n")
    assert find(machine / "proc") is None
    (machine / "proc/self" / name).unlink()
    assert find(machine / "proc") is None


def test_limits_are_written_and_the_folder_goes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.mkdir

    def making(path: Path, *given: object) -> None:
        real(path)
        for name in FILES:
            (path / name).write_text("max")
        (path / "memory.events").write_text("low 0\noom 2\noom_kill 3\n")

    monkeypatch.setattr(Path, "mkdir", making)
    held = Cgroup(tmp_path, 5)
    held.limit(2**26, 2**20, 3)
    found = {name: (held.path / name).read_text() for name in FILES}
    assert found["memory.max"] == str(2**26 + 3 * 2**20 + SLACK)
    assert (found["pids.max"], found["memory.swap.max"]) == ("3", "0")
    assert found["memory.oom.group"] == "1"
    assert held.kills() == 3
    for name in (*FILES, "memory.events"):
        (held.path / name).unlink()
    held.remove()
    held.remove()
    assert not held.path.exists()


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / f"ratchet-{os.getpid()}-0").mkdir()
    (tmp_path / "ratchet-999999999-0").mkdir()
    (tmp_path / "other-999999999-0").mkdir()
    tidy(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {f"ratchet-{os.getpid()}-0", "other-999999999-0"}


def test_one_that_does_not_hold_is_told_and_lowers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain files take every limit and keep none: the attempt must come out as done."""

    class Idle(Cgroup):
        def __init__(self, above: Path, number: int) -> None:
            self.path = tmp_path
            self.door = os.open(tmp_path / "cgroup.procs", os.O_WRONLY | os.O_CREAT)
            (tmp_path / "memory.events").write_text("oom_kill 0\n")

    monkeypatch.setattr(cgroup, "find", lambda: tmp_path)
    monkeypatch.setattr(pool, "Cgroup", Idle)
    with open_sandbox(workers=1) as sandbox:
        (layer,) = [x for x in sandbox.capability.layers if x.name == "cgroup"]
        assert not layer.holds and "more processes than allowed: done" in layer.detail
        assert sandbox.capability.level is Level.ISOLATED
        assert (tmp_path / "cgroup.procs").read_text().strip("0") == ""  # they moved
        sandbox.run(Program("def f(): return 1", "f"), limits=Limits(processes=7, memory=2**25))
        assert (tmp_path / "pids.max").read_text() == "7"
        assert int((tmp_path / "memory.max").read_text()) > 2**25
    with open_sandbox(workers=1, off={"cgroup"}) as sandbox:
        (layer,) = [x for x in sandbox.capability.layers if x.name == "cgroup"]
        assert layer.detail == "turned off"


def test_a_kill_for_want_of_memory_is_its_own_end() -> None:
    head = b'{"problem": "", "cpu_s": 0, "wall_s": 0, "memory": 0, "legs": [{"why": "signal", '
    head += b'"code": 9, "nonce": "x", "sizes": [0, 0, 0]}]}'
    report = len(head).to_bytes(8, "little") + head
    program = Program("", "f")
    assert wire.outcome(report, program, 1, Limits()).end is End.KILLED
    assert wire.outcome(report, program, 1, Limits(), starved=True).end is End.MEMORY
