"""What a check of a run says: a problem makes it fail, a note does not."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """Something that does not match."""

    where: str
    """The record: ``ledger entry 3``, ``records/gen-0002.jsonl.gz line 5``, ``versions/...``."""
    what: str
    """What is wrong with it."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass
class Notes:
    """What else a reader should know, and how much was looked at."""

    lines: list[str] = field(default_factory=list)
    """In order."""
    counts: dict[str, int] = field(default_factory=dict)
    """Things looked at, by name."""

    def say(self, line: str) -> None:
        """Add a line."""
        self.lines.append(line)

    def count(self, name: str, n: int = 1) -> None:
        """Count things that were looked at."""
        self.counts[name] = self.counts.get(name, 0) + n


def find_difference(ours: Any, theirs: Any, place: str = "") -> tuple[str, str, str] | None:
    """Return the first place where two JSON values differ, with both sides; None if equal."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            inner = f"{place}.{key}" if place else str(key)
            if key not in ours or key not in theirs:
                return inner, _short(ours.get(key, "nothing")), _short(theirs.get(key, "nothing"))
            if found := find_difference(ours[key], theirs[key], inner):
                return found
        return None
    if isinstance(ours, list) and isinstance(theirs, list):
        for at in range(max(len(ours), len(theirs))):
            inner = f"{place}[{at}]"
            if at >= len(ours) or at >= len(theirs):
                sides = [side[at] if at < len(side) else "nothing" for side in (ours, theirs)]
                return inner, _short(sides[0]), _short(sides[1])
            if found := find_difference(ours[at], theirs[at], inner):
                return found
        return None
    if type(ours) is type(theirs) and ours == theirs:
        return None
    return place, _short(ours), _short(theirs)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
