"""The evaluator's own records: one JSON object a line, each carrying the hash of all up to it.

Whoever holds the mark of a moment (how many lines, and the last one's hash) can tell later whether
any line up to there was changed, removed, added or moved. The ledger holds one for every entry.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.core.codec import hash_text
from ratchet.core.errors import EvaluatorError


@dataclass(frozen=True)
class Mark:
    """A moment in the life of the records."""

    rows: int = 0
    """Number of lines."""
    hash: str = ""
    """Hash over all of them."""


class Records:
    """The file, open to be added to. A last line that a kill cut short is removed first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        _drop_cut_line(path)
        self.mark = Mark()
        """How far the file goes. What is wrong with older lines is not this class's business."""
        text = path.read_text("utf-8", errors="replace") if path.exists() else ""
        lines = text.splitlines()
        if lines:
            hashed = self._read(len(lines), lines[-1]).get("hash")
            self.mark = Mark(len(lines), hashed or _hash_unmarked(lines))
        self._found = lines

    def drawn(self) -> Iterator[str]:
        """Yield the prompts that were drawn before this process; EvaluatorError on damage."""
        for number, line in enumerate(self._found, 1):
            row = self._read(number, line)
            if row.get("kind") == "draw":
                yield str(row.get("prompt"))

    def _read(self, number: int, line: str) -> dict[str, Any]:
        row = _parse(line)
        if row is None:
            raise EvaluatorError(
                f"line {number} of {self._path} is damaged", "restore it from a copy"
            )
        return row

    def add(self, rows: Iterable[dict[str, Any]]) -> Mark:
        """Append rows and return the mark behind them."""
        lines = []
        for row in rows:
            self.mark = Mark(self.mark.rows + 1, _follow(self.mark.hash, row))
            lines.append(json.dumps({**row, "hash": self.mark.hash}) + "\n")
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(lines)
        return self.mark


def read_rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield every row with its hash; EvaluatorError names the first line that does not follow from
    those before it. Lines of an older format, which carry none, have an empty hash."""
    text = path.read_text("utf-8", errors="replace") if path.exists() else ""
    lines = text.split("\n")
    if lines.pop():
        raise EvaluatorError(f"{path.name} line {len(lines) + 1} has no end", "")
    unmarked: list[str] | None = []
    last = ""
    for number, line in enumerate(lines, 1):
        row = _parse(line)
        if row is not None and "hash" not in row and unmarked is not None:
            unmarked.append(line)
            yield row, ""
            continue
        if unmarked:
            last = _hash_unmarked(unmarked)
        unmarked = None
        told = row.pop("hash", None) if row is not None else None
        follows = row is not None and told == _follow(last, row)
        if row is None or not follows or json.dumps({**row, "hash": told}) != line:
            raise EvaluatorError(
                f"{path.name} line {number} does not follow from those before it", ""
            )
        last = str(told)
        yield row, last


def _parse(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _follow(last: str, row: dict[str, Any]) -> str:
    return hash_text(last + json.dumps(row))


def _hash_unmarked(lines: list[str]) -> str:
    return hash_text("\n".join(lines))


def _drop_cut_line(path: Path) -> None:
    """Cut off a last line that a kill left unfinished."""
    if path.exists():
        with path.open("rb+") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
