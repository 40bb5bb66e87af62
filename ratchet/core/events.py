"""Events: what a run tells while it works, as JSONL on disk and to whoever listens."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO


@dataclass(frozen=True)
class Event:
    """Something that happened."""

    kind: str
    """phase, generation, progress, measured, finding, decision or end."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON data."""


Listener = Callable[[Event], None]
"""Anything that takes events: a log, a display, a test's list."""


def tell(*listeners: Listener) -> Listener:
    """Return one listener that passes events on to all of these, in order."""

    def pass_on(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return pass_on


def ignore(event: Event) -> None:
    """Listen to nothing."""


@contextmanager
def log_events(path: Path) -> Iterator[Listener]:
    """Append events to a JSONL file, one line each as they come; ``progress`` ticks are left out.

    A last line that a kill cut short is removed first.
    """
    _drop_cut_line(path)
    # Unbuffered: after a failed write nothing is left that closing the file would write again.
    with path.open("ab", buffering=0) as file:
        yield lambda event: _write(file, event)


def read_events(path: Path) -> Iterator[Event]:
    """Read events back; a last line cut short by a kill is left out."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                data = json.loads(line)
                yield Event(data["kind"], data["data"])


def _write(file: BinaryIO, event: Event) -> None:
    if event.kind == "progress":
        return
    line = json.dumps({"kind": event.kind, "data": dict(event.data)}).encode() + b"\n"
    if file.write(line) < len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _drop_cut_line(path: Path) -> None:
    if path.is_file():
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
