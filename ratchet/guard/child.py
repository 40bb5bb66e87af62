"""The evaluator process as seen by its parent: start it, ask it, end it."""

from __future__ import annotations

import contextlib
import os
import signal
import site
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from typing import IO, TypeVar, cast

import ratchet
from ratchet.core.errors import EvaluatorError, TamperedError
from ratchet.guard.messages import (
    ERRORS,
    Close,
    Closed,
    Draw,
    Inspect,
    Open,
    Refused,
    Score,
    read_reply,
    to_line,
)

R = TypeVar("R")

FAREWELL = 5.0
"""Seconds that the process may take to close by itself."""


class Child:
    """One evaluator process. It has a session of its own, so Ctrl-C reaches the loop alone."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._errors = folder / ERRORS
        self._expired = False
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ratchet.guard.process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env=environment(),
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """The process id, or None once it has ended."""
        return self._process.pid if self._process.poll() is None else None

    def ask(
        self, request: Open | Draw | Score | Inspect | Close, kind: type[R], timeout: float
    ) -> R:
        """Send a request and return its reply; raises EvaluatorError on a refusal or on none.

        After an interruption the two sides may disagree on whose turn it is, so the process ends.
        """
        try:
            line = self._exchange(to_line(request), timeout)
        except BaseException:
            self.kill()
            raise
        if not line.endswith(b"\n"):
            raise self._failure(request.kind, timeout)
        reply = read_reply(line)
        if isinstance(reply, Refused) and reply.tampered:
            raise TamperedError(reply.tampered, reply.error, reply.hint)
        if isinstance(reply, Refused):
            raise EvaluatorError(reply.error, reply.hint)
        if not isinstance(reply, kind):
            self.kill()
            raise EvaluatorError(
                f"the evaluator replied {reply.kind!r} to {request.kind!r}", f"read {self._errors}"
            )
        return reply

    def close(self) -> None:
        """End the process: asked first, then by force."""
        if self._process.poll() is None:
            with contextlib.suppress(EvaluatorError):
                self.ask(Close(), Closed, FAREWELL)
        self.kill()

    def kill(self) -> None:
        """End the process and all that it started, and release the pipes."""
        self._signal_group()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            # What is left in a dead process's pipe has nowhere to go.
            with contextlib.suppress(BrokenPipeError):
                cast("IO[bytes]", pipe).close()

    def _exchange(self, line: bytes, timeout: float) -> bytes:
        """Write a line and read one; empty or cut short when the process has ended."""
        source, sink = self._process.stdout, self._process.stdin
        if source is None or sink is None or source.closed or self._process.poll() is not None:
            return b""
        # The alarm ends the process, which frees a blocked write as well as a blocked read.
        alarm = threading.Timer(timeout, self._expire)
        alarm.daemon = True
        alarm.start()
        try:
            sink.write(line)
            sink.flush()
            return source.readline()
        except BrokenPipeError:
            return b""
        finally:
            alarm.cancel()

    def _expire(self) -> None:
        self._expired = True
        self._signal_group()

    def _signal_group(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _failure(self, verb: str, timeout: float) -> EvaluatorError:
        self.kill()
        hint = f"read {self._errors}, then continue: ratchet resume RUN"
        if self._expired:
            return EvaluatorError(f"no reply to {verb!r} in {timeout:g} s", hint)
        status = self._process.returncode
        return EvaluatorError(f"the evaluator ended with status {status}, before {verb!r}", hint)


def environment() -> dict[str, str]:
    """Return all that the process inherits: where programs and modules are, a fixed hash seed."""
    result = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    if "PATH" in os.environ:
        result["PATH"] = os.environ["PATH"]
    if paths := _added_paths():
        result["PYTHONPATH"] = os.pathsep.join(paths)
    return result


def _added_paths() -> list[str]:
    """Return the import paths that the interpreter lacks by itself, Ratchet's own first."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    own = [Path(sysconfig.get_path(name)).resolve() for name in names]
    own += [Path(folder).resolve() for folder in site.getsitepackages()]
    root = str(Path(ratchet.__path__[0]).resolve().parent)
    paths = [root, *(str(Path(entry).resolve()) for entry in sys.path)]
    return [
        entry
        for entry in dict.fromkeys(paths)
        if Path(entry).is_dir() and not any(Path(entry).is_relative_to(folder) for folder in own)
    ]
