"""Many runs side by side: one process each, one thread each, ended together.

Every run is the command ``ratchet resume FOLDER`` on a folder that holds its settings, so a run
that never started and one that was interrupted go the same way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

import ratchet
from ratchet.claims.verdict import run_name
from ratchet.core.events import Event, Listener, ignore
from ratchet.loop.config import RunConfig
from ratchet.loop.disk import write_atomically
from ratchet.loop.folder import RunFolder

POLL_S = 0.2
PATIENCE_S = 20.0
"""Seconds that a stopped run has to write its report before it is killed."""
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Run:
    """One arm under one seed."""

    arm: str
    """Name of the arm."""
    seed: int
    """Its seed."""
    folder: RunFolder
    """Where it is."""
    config: RunConfig
    """Its settings."""

    @property
    def name(self) -> str:
        """Name, also of its folder."""
        return run_name(self.arm, self.seed)

    @property
    def log(self) -> Path:
        """What its process printed on standard error."""
        return self.folder.path.parent.parent / "logs" / f"{self.name}.txt"

    def report(self) -> dict[str, Any] | None:
        """Return the report of a run that has ended, however; None if there is more to do."""
        try:
            report: dict[str, Any] = json.loads(self.folder.report.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return None if report["status"] == "interrupted" else report

    def steps(self) -> int:
        """How many steps it has: its generations, and the final measurement."""
        return self.config.generations + 1

    def steps_done(self) -> int:
        """How many of them are done."""
        if self.folder.report.is_file() and self.report() is not None:
            return self.steps()
        try:
            text = self.folder.events.read_text(encoding="utf-8")
        except OSError:
            return 0
        return min(text.count('{"kind": "decision"'), self.config.generations)


def perform(runs: Sequence[Run], jobs: int, phase: str, tell: Listener = ignore) -> dict[str, str]:
    """Bring runs to their end, ``jobs`` at a time; return by name why a run did not get there.

    Runs that have ended are not touched. A run that crashes stops no other. Whatever stops this
    call stops every process it started; the runs can be resumed.
    """
    waiting = [run for run in runs if run.report() is None]
    over = [run for run in runs if run not in waiting]
    working: dict[str, tuple[Run, subprocess.Popen[bytes]]] = {}
    problems: dict[str, str] = {}
    _tell_progress(runs, over, phase, tell)
    try:
        while waiting or working:
            while waiting and len(working) < jobs:
                run = waiting.pop(0)
                working[run.name] = (run, _start(run))
            for name, (run, process) in list(working.items()):
                if process.poll() is None:
                    continue
                del working[name]
                over.append(run)
                if run.report() is None:
                    problems[name] = f"exit code {process.returncode}: {_last_words(run.log)}"
                    tell(Event("finding", {"name": name, "message": problems[name]}))
            _tell_progress(runs, over, phase, tell)
            if working:
                time.sleep(POLL_S)
    finally:
        _stop([process for _, process in working.values()])
    return problems


def _start(run: Run) -> subprocess.Popen[bytes]:
    if not (run.folder.path / "ledger.sqlite").is_file():
        settings = tomli_w.dumps(run.config.model_dump(mode="json", exclude_none=True))
        write_atomically(run.folder.config, settings.encode())
    run.log.parent.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "ratchet", "resume", str(run.folder.path), "--json", "--quiet"]
    with run.log.open("wb") as log:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=_environment(os.environ),
            # Out of the terminal's group: Ctrl-C reaches this process, which stops all others.
            start_new_session=True,
        )


def _environment(outer: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a run: one thread, and this very package."""
    here = str(Path(str(ratchet.__file__)).parents[1])
    path = os.pathsep.join([here, *filter(None, [outer.get("PYTHONPATH")])])
    return {**outer, **dict.fromkeys(_THREADS, "1"), "PYTHONPATH": path}


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + PATIENCE_S
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tell_progress(runs: Sequence[Run], over: Iterable[Run], phase: str, tell: Listener) -> None:
    ended = [run.name for run in over]
    done = sum(run.steps() if run.name in ended else run.steps_done() for run in runs)
    total = sum(run.steps() for run in runs)
    what = f"{phase}, generations of {len(runs)} runs"
    tell(Event("progress", {"phase": what, "done": done, "total": total, "ended": len(ended)}))


def _last_words(log: Path) -> str:
    """Return what a process said of its end: the command's own message, or its last line."""
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line]
    told = [line.removeprefix("ratchet: ") for line in lines if line.startswith("ratchet: ")]
    return (told or lines or ["it said nothing"])[-1].strip()
