"""Events: what a run tells while it works, as JSONL on disk and to whoever listens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any


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
    """Append events to a JSONL file, one flushed line each; ``progress`` ticks are left out."""
    with path.open("a", encoding="utf-8") as file:
        yield lambda event: _write(file, event)


def read_events(path: Path) -> Iterator[Event]:
    """Read events back; a last line cut short by a kill is left out."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                data = json.loads(line)
                yield Event(data["kind"], data["data"])


def _write(file: IO[str], event: Event) -> None:
    if event.kind == "progress":
        return
    file.write(json.dumps({"kind": event.kind, "data": dict(event.data)}) + "\n")
    file.flush()
