"""The world of arithmetic: problems by the million, truth by computing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ratchet.core.task import Rejection, Task, Verdict
from ratchet.worlds.arithmetic.answers import read_integer
from ratchet.worlds.arithmetic.expression import calculate, evaluate
from ratchet.worlds.arithmetic.families import LEVELS_OF, WORLD, Problem
from ratchet.worlds.arithmetic.levels import FAMILIES
from ratchet.worlds.arithmetic.proposals import read_prompt, read_proposal
from ratchet.worlds.arithmetic.reasons import Reason
from ratchet.worlds.arithmetic.supply import open_supply
from ratchet.worlds.protocol import Stream
from ratchet.worlds.supply import draw_open, draw_reserved

EXAMPLES: tuple[tuple[str, str], ...] = tuple(
    (prompt, calculate(prompt)) for prompt in ("7 - 3", "25 + 13", "6 * 13", "40 - 3 * 8")
)
"""Open problems and their answers, for few-shot prompts."""


class Arithmetic:
    """Sums, differences, products and short word problems; answers are whole numbers.

    The prompt of a task is the bare expression, or the sentences of a word problem. Truth is
    computed from the prompt. An answer is its last number, read leniently.
    """

    name: str = WORLD
    families: tuple[str, ...] = FAMILIES

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        """Draw ``n`` distinct open tasks, spread evenly over the families that have the level.

        Raises ValueError on an unknown level or family.
        """
        drawn = draw_open(rng, n, level, family, LEVELS_OF, open_supply)
        return [_task(problem) for problem in drawn]

    def check(self, task: Task, answer: str) -> Verdict:
        """Compare the last number of an answer with the computed value. Total.

        A task that this world cannot read fails with ``error`` in the evidence.
        """
        problem = read_prompt(task.prompt) if task.world == self.name else None
        if problem is None:
            return Verdict(
                0.0, False, False, "exact", "the task cannot be read", {"error": "unreadable_task"}
            )
        value = read_integer(answer)
        if value is None:
            return Verdict(0.0, False, False, "exact", "expected a whole number")
        if value != evaluate(problem.expression):
            return Verdict(0.0, False, True, "exact", "not correct", {"read": str(value)})
        return Verdict(1.0, True, True, "exact", "correct", {"read": str(value)})

    def parse(self, text: str) -> Task | Rejection:
        """Read a task that a model wrote; reasons are those of ``REASONS``. Total."""
        problem = read_proposal(text)
        if isinstance(problem, Reason):
            return Rejection(problem.value, text[:200])
        return _task(problem, ("model",))

    def anchors(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream,
        families: Mapping[str, float],
        levels: Mapping[int, float],
    ) -> Sequence[Task]:
        """Draw ``n`` distinct reserved tasks by family weight, then by level weight in each family.

        Levels that a family lacks leave their weight to its others. Raises ValueError on an unknown
        family or level, a weight that is negative or not finite, or if all weights are 0.
        """
        drawn = draw_reserved(rng, n, stream, families, levels, LEVELS_OF, open_supply)
        return [_task(problem) for problem in drawn]


def solve_exactly(prompt: str) -> int | None:
    """Return the value of a task's prompt, or None if it states no problem. Total."""
    problem = read_prompt(prompt)
    return None if problem is None else evaluate(problem.expression)


def _task(problem: Problem, lineage: tuple[str, ...] = ()) -> Task:
    return Task(problem.id, WORLD, problem.prompt, problem.family, problem.level, lineage)
