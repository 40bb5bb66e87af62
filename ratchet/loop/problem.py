"""What a check of a run says: a problem makes it fail, a note does not."""

from __future__ import annotations

from dataclasses import dataclass, field


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
