"""Runs that meet their end: each leg starts or resumes a run in a forked child that fails as told.

``python -m tests.faults.crash JOB`` with JOB = {"folder", "words", "legs"} in JSON: ``words`` start
the run, each leg is [mode, number]; one that comes to the end is the last. Prints one JSON
document, a list with for each leg its exit status (negative: the signal), how many write points it
passed, the milliseconds of processor time it took (0 if it was killed), what it told, and the
hashes of the ledger's entries after it. Pages are not drawn: that takes longer than all else. With
"chains", a list of {"folder", "legs"}, it prints a list of such lists. With "fork" evaluators are
forked, not started afresh: the same code in a fifth of the time.

A write point is a moment at which a file of the run is opened to be written, synced, renamed or
removed, an event is written, or the ledger is appended to (before and after). Modes: ``live``, to
the end; ``kill``, SIGKILL at the point of this number; ``cpu``, killed after this many milliseconds
of its own processor time, wherever it is; ``full``, from that point on the disk takes nothing;
``readonly``, from that point on nothing may be written; ``limit``, no file may grow beyond this
many bytes; ``clock``, to the end, while all clocks run backwards from this second on.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace
from typing import Any, BinaryIO

from ratchet.cli import main
from ratchet.core import events
from ratchet.core.errors import RunError
from ratchet.core.events import Event
from ratchet.guard import child, process
from ratchet.loop.folder import RunFolder
from ratchet.loop.ledger import Entry, Ledger
from ratchet.recipes.launch import find_method

WRITES = os.O_WRONLY | os.O_RDWR
REMOVALS = {"os.remove", "os.rmdir"}
ROOT = Path(__file__).parents[2]
CHANGES = REMOVALS | {"os.rename", "os.mkdir", "os.truncate", "os.symlink"}


FATES: list[Fate] = []


class Fate:
    """Counts write points and strikes at one of them."""

    def __init__(self, folder: Path, mode: str, at: int) -> None:
        self.folder, self.mode, self.at, self.points = str(folder), mode, at, 0

    def reach(self, removing: bool = False) -> None:
        """Pass a write point, or not. A full disk lets files be removed."""
        self.points += 1
        if self.mode == "kill" and self.points == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mode == "full" and self.points >= self.at and not removing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.mode == "readonly" and self.points >= self.at:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def audit(self, name: str, given: tuple[Any, ...]) -> None:
        """Notice what the interpreter is about to do to a file of the run."""
        opening = name == "open" and isinstance(given[2], int) and given[2] & WRITES
        if (opening or name in CHANGES) and str(given[0]).startswith(self.folder):
            self.reach(name in REMOVALS)

    def install(self) -> None:
        """Watch over this process from now on."""
        fsync, append, write = os.fsync, Ledger.append, events._write

        def watched_fsync(descriptor: int) -> None:
            self.reach()
            fsync(descriptor)

        def watched_append(ledger: Ledger, kind: str, body: dict[str, Any]) -> Entry:
            self.reach()
            entry = append(ledger, kind, body)
            self.reach()
            return entry

        def watched_write(file: BinaryIO, event: Event) -> None:
            if self.mode == "kill" and self.points + 1 == self.at:
                file.write(b'{"kind": "deci')
            self.reach()
            write(file, event)

        os.fsync = watched_fsync  # type: ignore[assignment]
        Ledger.append = watched_append  # type: ignore[method-assign, assignment]
        events._write = watched_write
        sys.addaudithook(self.audit)


class Forked:
    """An evaluator process that is a fork of this one: what ``Child`` needs of a ``Popen``."""

    def __init__(self, command: list[str], stderr: BinaryIO, cwd: Path, **given: Any) -> None:
        assert command[-1] == process.__name__
        (asked, ask), (answered, answer) = os.pipe(), os.pipe()
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            for old, new in ((asked, 0), (answer, 1), (stderr.fileno(), 2)):
                os.dup2(old, new)
            os.closerange(3, 256)
            os.chdir(cwd)
            sys.path[:0] = [str(ROOT)]
            signal.setitimer(signal.ITIMER_PROF, 0)
            FATES[-1].mode = "live"
            os._exit(process.main())
        os.close(asked)
        os.close(answer)
        self.stdin, self.stdout = os.fdopen(ask, "wb"), os.fdopen(answered, "rb")

    def poll(self) -> int | None:
        if self.returncode is None:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if found else None
        return self.returncode

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def run_backwards(second: int) -> None:
    """Have every clock go back a minute whenever it is looked at."""
    now = [float(second)]

    def look() -> float:
        now[0] -= 60.0
        return now[0]

    time.time = time.monotonic = time.perf_counter = look


def seen(folder: Path) -> list[str]:
    """Return the hashes of the ledger's entries; reading them checks the chain."""
    with TemporaryDirectory() as copy:  # opening the ledger itself would mend it
        for path in folder.glob("ledger.*"):
            shutil.copy(path, copy)
        if not (Path(copy) / "ledger.sqlite").exists():
            return []
        try:
            with RunFolder(Path(copy)).ledger() as ledger:
                return [entry.hash for entry in ledger.entries()]
        except RunError:
            return ["damaged"]


def run_leg(folder: Path, words: list[str], mode: str, number: int) -> dict[str, Any]:
    """Run one leg in a child of its own; pipes, unlike files, are never full."""
    (heard, told), (count, counted) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.dup2(told, 2)
        code, began = 99, time.process_time()
        try:
            fate = Fate(folder, mode, number)
            FATES.append(fate)
            fate.install()
            if mode == "cpu":
                signal.setitimer(signal.ITIMER_PROF, number / 1000)
            if mode == "clock":
                run_backwards(number)
            if mode == "limit":
                resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
            resuming = (folder / "config.toml").exists()
            start = ["resume", str(folder)] if resuming else [*words, "--out", str(folder)]
            code = main([*start, "--quiet", "--json"])
            used = round(1000 * (time.process_time() - began))
            os.write(counted, json.dumps([fate.points, used]).encode())
        finally:
            os._exit(code)
    os.close(told)
    os.close(counted)
    with os.fdopen(heard) as message, os.fdopen(count) as points:
        leg = {"told": message.read(), **dict.fromkeys(("points", "cpu"), 0)}
        if found := points.read():
            leg["points"], leg["cpu"] = json.loads(found)
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), **leg, "ledger": seen(folder)}


def work(job: dict[str, Any]) -> list[Any]:
    """Run all chains of a job, and all legs of a chain, one after another."""
    keep, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    if job.get("fork"):
        child.subprocess = SimpleNamespace(Popen=Forked, PIPE=subprocess.PIPE)  # type: ignore
        FATES.append(Fate(Path("nowhere"), "live", 0))
        with TemporaryDirectory() as folder:  # all that is loaded late is loaded for every leg
            main([*job["words"], "--out", f"{folder}/run", "--quiet", "--json"])
    chains = [chase(job["words"], **chain) for chain in job.get("chains", [])]
    if not chains:
        chains = chase(job["words"], job["folder"], job["legs"])
    os.dup2(keep, 1)
    return chains


def chase(words: list[str], folder: str, legs: list[tuple[str, int]]) -> list[Any]:
    """Run legs until one comes to the end."""
    done = []
    for leg in legs:
        done.append(run_leg(Path(folder), words, *leg))
        if done[-1]["code"] == 0:
            break
    return done


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    find_method(given["words"][1])
    page = ModuleType("ratchet.report.page")
    page.__dict__["render_page"] = lambda report, folder: "<!doctype html>"
    sys.modules[page.__name__] = page
    print(json.dumps(work(given)))
