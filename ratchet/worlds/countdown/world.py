"""The world of Countdown: truth by exact arithmetic, and by the prompt alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ratchet.core.task import Rejection, Task, Verdict
from ratchet.worlds.countdown.expression import evaluate, numbers_of, read_answer, render
from ratchet.worlds.countdown.problem import (
    FAMILIES,
    WORLD,
    Problem,
    read_prompt,
    read_proposal,
)
from ratchet.worlds.countdown.supply import LEVELS_OF, open_supply
from ratchet.worlds.protocol import Stream
from ratchet.worlds.supply import draw_open, draw_reserved

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("Make 9 from 4, 5, each exactly once.", "4 + 5"),
    ("Make 14 from 2, 7, each exactly once.", "2 * 7"),
    ("Make 10 from 3, 4, 9, each exactly once.", "9 + 4 - 3"),
    ("Make 14 from 20, 3, 6, each at most once.", "20 - 6"),
)
"""Open problems and their answers, for few-shot prompts."""


class Countdown:
    """Make a target from numbers with + - * / and parentheses.

    The prompt says whether each number is used exactly or at most once. An answer is its last
    expression with an operator; division is exact and may leave the whole numbers in between. Every
    task has a solution, and truth needs nothing but the prompt, so ``self_check`` is the checker.
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
        """Compute the answer's expression and compare numbers and value. Total.

        A task that this world cannot read fails with ``error`` in the evidence.
        """
        if task.world != self.name:
            return _unreadable()
        return self_check(task.prompt, answer)

    def self_check(self, prompt: str, answer: str) -> Verdict:
        """Decide an answer by its prompt alone: allowed in measurement too. Total."""
        return self_check(prompt, answer)

    def parse(self, text: str) -> Task | Rejection:
        """Read a task that a model wrote; reasons are those of ``REASONS``. Total."""
        problem = read_proposal(text)
        if isinstance(problem, str):
            return Rejection(problem, text[:200])
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


def self_check(prompt: str, answer: str) -> Verdict:
    """Decide an answer by its prompt alone. Total; feedback says what is wrong, never the truth."""
    problem = read_prompt(prompt)
    if isinstance(problem, str):
        return _unreadable()
    expression = read_answer(answer)
    if expression is None:
        return Verdict(0.0, False, False, "exact", "expected an expression such as 3 * (5 + 2)")
    evidence: dict[str, float | str] = {"read": render(expression)}
    used, given = Counter(numbers_of(expression)), Counter(problem.numbers)
    if extra := sorted((used - given).elements()):
        feedback = f"{extra[0]} is used more often than it is given"
        return Verdict(0.0, False, True, "exact", feedback, evidence)
    if problem.every and (left := sorted((given - used).elements())):
        return Verdict(0.0, False, True, "exact", f"{left[0]} is not used", evidence)
    value = evaluate(expression)
    if value is None:
        return Verdict(0.0, False, True, "exact", "it divides by zero", evidence)
    evidence["value"] = str(value)
    if value != problem.target:
        feedback = f"it makes {value}, not {problem.target}"
        return Verdict(0.0, False, True, "exact", feedback, evidence)
    return Verdict(1.0, True, True, "exact", "correct", evidence)


def solve_exactly(prompt: str) -> str | None:
    """Return the simplest solution of a task's prompt, or None if it has none. Total."""
    problem = read_prompt(prompt)
    if isinstance(problem, str) or problem.solution is None:
        return None
    return problem.solution.text


def _unreadable() -> Verdict:
    return Verdict(
        0.0, False, False, "exact", "the task cannot be read", {"error": "unreadable_task"}
    )


def _task(problem: Problem, lineage: tuple[str, ...] = ()) -> Task:
    return Task(problem.id, WORLD, problem.prompt, problem.family, problem.level, lineage)
