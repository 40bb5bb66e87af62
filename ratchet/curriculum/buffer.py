"""Buffers of tasks by family, with their age: what a proposer is shown, and what is tried again.

A buffer is a value; it goes through a text and back, so that it can be a component of a state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ratchet.core.errors import RunError

Recall = Literal["uniform", "recent"]
"""How references are drawn: all alike, or the younger the likelier."""


@dataclass(frozen=True)
class Kept:
    """A task in a buffer: of Absolute Zero's triplet what a proposer wrote; the rest follows."""

    id: str
    """The task's id: what is there already does not come again."""
    text: str
    """The proposal, as the world reads it."""
    family: str
    """The family: each is a buffer of its own."""
    born: int
    """The step in which it was proposed; 0 for what a run starts from."""


@dataclass(frozen=True)
class Buffer:
    """Tasks by family in order of birth, at most ``limit`` of each: the oldest go first."""

    kept: tuple[Kept, ...] = ()
    """Every task, oldest first."""
    limit: int = 16_384
    """Most tasks of one family."""

    def add(self, tasks: Iterable[Kept]) -> Buffer:
        """Return the buffer with further tasks; one that is there keeps its first birth."""
        known = {one.id: one for one in self.kept}
        for one in tasks:
            known.setdefault(one.id, one)
        seen: dict[str, int] = {}
        held: list[Kept] = []
        for one in reversed(known.values()):
            seen[one.family] = seen.get(one.family, 0) + 1
            if seen[one.family] <= self.limit:
                held.append(one)
        return Buffer(tuple(reversed(held)), self.limit)

    def draw(
        self, rng: np.random.Generator, n: int, family: str, now: int, recall: Recall = "uniform"
    ) -> list[Kept]:
        """Draw up to ``n`` different tasks of a family. ``recent`` weighs each by 1 / (1 + age)."""
        held = [one for one in self.kept if one.family == family]
        if not held:
            return []
        weights = np.ones(len(held))
        if recall == "recent":
            weights = 1.0 / (1.0 + np.array([max(now - one.born, 0) for one in held]))
        picked = rng.choice(len(held), min(n, len(held)), replace=False, p=weights / weights.sum())
        return [held[int(i)] for i in picked]

    def ages(self, now: int) -> list[int]:
        """Return the age of every task, in steps."""
        return [now - one.born for one in self.kept]

    def write(self) -> str:
        """Return the buffer as text, a task a line."""
        rows = ([one.id, one.family, one.born, one.text] for one in self.kept)
        return "".join(json.dumps(row) + "\n" for row in rows)


def read_buffer(text: str, limit: int) -> Buffer:
    """Return the buffer that a text holds. Raises RunError on another text."""
    kept = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            task, family, born, said = json.loads(line)
            kept.append(Kept(str(task), str(said), str(family), int(born)))
        except (ValueError, TypeError) as error:
            raise RunError(
                f"line {number} of a buffer is damaged", "restore the run's folder from a copy"
            ) from error
    return Buffer(tuple(kept), limit)


def mean_age(kept: Sequence[Kept], now: int) -> float:
    """Return the mean age of what was drawn, in steps; 0 of nothing."""
    return float(np.mean([now - one.born for one in kept])) if kept else 0.0
