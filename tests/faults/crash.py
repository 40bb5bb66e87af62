"""Runs that meet their end: each leg starts or resumes a run in a forked child that fails as told.

``python -m tests.faults.crash JOB`` with JOB = {"folder", "words", "legs"} in JSON: ``words`` start
the run, each leg is [mode, number]; one that comes to the end is the last. Prints one JSON
document, a list with for each leg its exit status (negative: the signal), how many write points it
passed, and what it told. Pages are not drawn: that takes longer than all else.

A write point is a moment at which a file of the run is opened to be written, synced, renamed or
removed, an event is written, or the ledger is appended to (before and after). Modes: ``live``, to
the end; ``kill``, SIGKILL at the point of this number; ``full``, from that point on the disk takes
nothing; ``limit``, no file may grow beyond this many bytes.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from ratchet.cli import main
from ratchet.core import events
from ratchet.core.events import Event
from ratchet.loop.ledger import Entry, Ledger
from ratchet.recipes.launch import find_method

WRITES = os.O_WRONLY | os.O_RDWR
REMOVALS = {"os.remove", "os.rmdir"}
CHANGES = REMOVALS | {"os.rename", "os.mkdir", "os.truncate", "os.symlink"}


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


def run_leg(folder: Path, words: list[str], mode: str, number: int) -> dict[str, Any]:
    """Run one leg in a child of its own; pipes, unlike files, are never full."""
    (heard, told), (count, counted) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.dup2(told, 2)
        code = 99
        try:
            fate = Fate(folder, mode, number)
            fate.install()
            if mode == "limit":
                resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
            resuming = (folder / "config.toml").exists()
            start = ["resume", str(folder)] if resuming else [*words, "--out", str(folder)]
            code = main([*start, "--quiet", "--json"])
            os.write(counted, str(fate.points).encode())
        finally:
            os._exit(code)
    os.close(told)
    os.close(counted)
    with os.fdopen(heard) as message, os.fdopen(count) as points:
        leg = {"told": message.read(), "points": int(points.read() or 0)}
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), **leg}


def work(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Run all legs of a job, one after another."""
    keep, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    done = []
    for leg in job["legs"]:
        done.append(run_leg(Path(job["folder"]), job["words"], *leg))
        if done[-1]["code"] == 0:
            break
    os.dup2(keep, 1)
    return done


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    find_method(given["words"][1])
    page = ModuleType("ratchet.report.page")
    page.__dict__["render_page"] = lambda report, folder: "<!doctype html>"
    sys.modules[page.__name__] = page
    print(json.dumps(work(given)))
