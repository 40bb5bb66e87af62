"""What a command gives back, and how a stopped one is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Reply:
    """The outcome of a command."""

    document: Any
    """JSON data, for ``--json``."""
    text: str
    """The same for people."""
    code: int = 0
    """Exit code."""


class Command(Protocol):
    """A command with its arguments read."""

    def perform(self) -> Reply:
        """Do it; raises RatchetError or Stopped."""
        ...


class Stopped(KeyboardInterrupt):
    """Work was stopped from outside, and a command goes on with it."""

    def __init__(self, kept: str, following: str) -> None:
        super().__init__(kept)
        self.kept = kept
        """What is not lost, e.g. ``every finished generation``."""
        self.following = following
        """The command that goes on."""


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as aligned columns, two spaces apart."""
    kept = [list(row) for row in rows]
    if not kept:
        return ""
    widths = [max(len(row[place]) for row in kept) for place in range(len(kept[0]))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in kept)
    return "\n".join(line.rstrip() for line in lines)
