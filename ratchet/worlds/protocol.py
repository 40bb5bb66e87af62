"""The contract of a world: where tasks come from and how truth is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import numpy as np

from ratchet.core.task import Rejection, Task, Verdict


class Stream(StrEnum):
    """The three streams of sealed anchors; no item is in two of them."""

    GATE = "gate"
    """Decides; drawn fresh each generation."""
    AUDIT = "audit"
    """Label accuracy, probes and the choice of the base procedure."""
    FINAL = "final"
    """Opened once, after the last decision."""


class World(Protocol):
    """A space of tasks with exact truth, one part of it reserved for anchors.

    The split is a function of the canonical form alone, so a task is reserved or not for ever, for
    everyone. ``tasks`` and ``parse`` never yield a reserved task; ``anchors`` yields nothing else.
    """

    name: str
    """Short name, as it stands in tasks."""
    families: tuple[str, ...]
    """Kinds of problem, in order of difficulty."""

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        """Draw ``n`` distinct open tasks, or as many as there are; ValueError on bad names."""
        ...

    def check(self, task: Task, answer: str) -> Verdict:
        """Decide an answer against computed truth. Total: any text gets a verdict."""
        ...

    def parse(self, text: str) -> Task | Rejection:
        """Read a task that a model wrote. Total: any text gives a task or a named rejection."""
        ...

    def anchors(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream,
        families: Mapping[str, float],
        levels: Mapping[int, float],
    ) -> Sequence[Task]:
        """Draw ``n`` distinct reserved tasks of one stream by family and level weights.

        Called by the evaluator alone. A family whose reserved share is too small gives what it
        has, and the others make up the number; fewer than ``n`` only if all are exhausted.
        """
        ...
