"""A world of rows: a finite table, divided once by the charter into open and reserved rows.

The prompt is a row's features, ``row 17: group = pile; num_params = 535813376.0``; the answer is
its targets, one number each. Rows that are reserved are listed in the charter, by number.
"""

from __future__ import annotations

import csv
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ratchet.core.codec import hash_text
from ratchet.core.config import Config
from ratchet.core.task import Rejection, Task, Verdict
from ratchet.worlds.apportion import check_weights
from ratchet.worlds.protocol import Stream

REASONS = ("no_row", "unknown_row", "reserved")
"""Why a text is not an open task: names no row, a row that is not there, one kept for anchors."""
FAMILIES = ("rows",)
LEVELS = (1,)
_ROW = re.compile(r"row (\d{1,9})(?::.*)?", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class TableTerms(Config):
    """A table, and how it is divided; part of a charter, and hashed with it."""

    path: str
    """The CSV file."""
    digest: str
    """Hash of its bytes: a table that has changed is refused."""
    features: tuple[str, ...]
    """Columns that a prompt shows."""
    targets: tuple[str, ...]
    """Columns that an answer gives, in this order."""
    gate: tuple[int, ...]
    """Rows that decide, numbered from 0."""
    audit: tuple[int, ...]
    """Rows on which the base procedure is chosen."""
    final: tuple[int, ...]
    """Rows of the final measurement. All rows that are in no list are open."""

    def rows(self, stream: Stream) -> tuple[int, ...]:
        """Return the rows of a stream."""
        return {Stream.GATE: self.gate, Stream.AUDIT: self.audit, Stream.FINAL: self.final}[stream]


def hash_table(path: Path) -> str:
    """Return the digest of a file's bytes. OSError if it cannot be read."""
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


class Rows:
    """Predict a row's targets from its features.

    Score of a row: ``1 / (1 + |error| / scale)`` in [0, 1], averaged over targets, where scale is a
    tenth of the target's standard deviation over open rows. So an error of a tenth of the spread
    scores a half, an exact answer 1.
    """

    name: str = "rows"
    families: tuple[str, ...] = FAMILIES

    def __init__(self, terms: TableTerms) -> None:
        """Read the table. Raises ValueError if it is not what the terms say."""
        path = Path(terms.path)
        if hash_table(path) != terms.digest:
            raise ValueError(f"{path} is not the table that the charter names: it has changed")
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.DictReader(file))
        self._terms = terms
        self._prompts = [_prompt(i, line, terms.features) for i, line in enumerate(lines)]
        self._truth = np.array([[float(line[t]) for t in terms.targets] for line in lines])
        self._streams = {row: s for s in Stream for row in terms.rows(s)}
        count = sum(len(terms.rows(s)) for s in Stream)
        if len(self._streams) != count or any(row >= len(lines) for row in self._streams):
            raise ValueError("the charter reserves a row twice, or one that is not there")
        self._open = [i for i in range(len(lines)) if i not in self._streams]
        if not self._open:
            raise ValueError("the charter leaves no row open")
        self.scale = np.maximum(self._truth[self._open].std(axis=0) / 10.0, 1e-12)

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        """Draw ``n`` distinct open rows; raises ValueError on an unknown level or family."""
        if level is not None:
            check_weights({level: 1.0}, LEVELS, "level")
        if family is not None:
            check_weights({family: 1.0}, FAMILIES, "family")
        return [self._task(self._open[at]) for at in rng.permutation(len(self._open))[:n]]

    def check(self, task: Task, answer: str) -> Verdict:
        """Score an answer by its error. Total."""
        row = self._read(task.prompt) if task.world == self.name else None
        if not isinstance(row, int):
            return Verdict(
                0.0, False, False, "exact", "the task cannot be read", {"error": "unreadable_task"}
            )
        values = [float(x) for x in _NUMBER.findall(answer[:10_000])]
        if len(values) != len(self._terms.targets) or not all(map(math.isfinite, values)):
            told = f"expected {len(self._terms.targets)} finite numbers"
            return Verdict(0.0, False, False, "exact", told)
        share = np.abs(np.array(values) - self._truth[row]) / self.scale
        reward = float(np.mean(1.0 / (1.0 + share)))
        passed = bool((share < 1.0).all())
        return Verdict(reward, passed, True, "exact", "correct" if passed else "not correct")

    def parse(self, text: str) -> Task | Rejection:
        """Read ``row N``; reasons are those of ``REASONS``. Total."""
        row = self._read(text)
        if not isinstance(row, int):
            return Rejection(row, text[:200])
        if row in self._streams:
            return Rejection("reserved", text[:200])
        return self._task(row, ("model",))

    def anchors(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream,
        families: Mapping[str, float],
        levels: Mapping[int, float],
    ) -> Sequence[Task]:
        """Draw ``n`` distinct reserved rows of one stream, or as many as there are.

        Raises ValueError on an unknown family or level, or if all weights are 0.
        """
        check_weights(families, FAMILIES, "family")
        check_weights(levels, LEVELS, "level")
        rows = self._terms.rows(stream)
        return [self._task(rows[at]) for at in rng.permutation(len(rows))[:n]]

    def _task(self, row: int, lineage: tuple[str, ...] = ()) -> Task:
        form = self._prompts[row]
        return Task(
            hash_text(f"{self.name}\x1f{form}"), self.name, form, FAMILIES[0], LEVELS[0], lineage
        )

    def _read(self, text: str) -> int | str:
        match = _ROW.fullmatch(text.strip())
        if match is None:
            return "no_row"
        row = int(match[1])
        return row if row < len(self._prompts) else "unknown_row"


def read_prompt(prompt: str) -> dict[str, str]:
    """Return the features that a prompt shows, as text by column."""
    shown = prompt.partition(": ")[2]
    pairs = (part.partition(" = ") for part in shown.split("; "))
    return {name: value for name, _, value in pairs}


def _prompt(row: int, line: Mapping[str, str | None], features: Sequence[str]) -> str:
    shown = "; ".join(f"{name} = {line[name]}" for name in features)
    return f"row {row}: {shown}"
