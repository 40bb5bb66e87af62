"""The world of programs: deduction, abduction and induction in a small total language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from ratchet.core.task import Rejection, Task, Verdict
from ratchet.worlds.apportion import check_weights
from ratchet.worlds.programs.drawing import LEVELS_OF, open_supply
from ratchet.worlds.programs.language import Expression, render
from ratchet.worlds.programs.problem import (
    FAMILIES,
    LEVELS,
    WORLD,
    Problem,
    behaviour,
    induction_id,
)
from ratchet.worlds.programs.reading import (
    read_answer,
    read_program,
    read_prompt,
    read_proposal,
    read_value,
)
from ratchet.worlds.programs.reasons import Reason
from ratchet.worlds.programs.running import Value, run, write_value
from ratchet.worlds.programs.statements import Statement
from ratchet.worlds.protocol import Stream
from ratchet.worlds.supply import draw_open, draw_reserved

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("f(x) = x + 5, f(3) = ?", "8"),
    ("f(x) = x * 3 - 1, f(?) = 11", "4"),
    ("f(2) = 5, f(7) = 10, f(0) = 3, f(x) = ?", "x + 3"),
    ("f(x) = sum(x) + 1, f([4, 1, 3]) = ?", "9"),
    ("f(x) = sort(x), f(?) = [2, 6]", "[6, 2]"),
    ("f([1, 5]) = 1, f([9, 2, 4]) = 9, f([3, 3]) = 3, f(x) = ?", "first(x)"),
)
"""Prompts of open problems and an answer to each, for few-shot prompts."""


class Programs:
    """Given a program and its input, say the output; given the output, an input; given both, the
    program.

    Absolute Zero's three modes (arXiv 2505.03335). A deduction is compared with the computed
    output. An abduction passes with any input that gives the output, an induction with any program
    that gives the shown outputs and agrees on held-out inputs, which no prompt shows.
    """

    name: str = WORLD
    families: tuple[str, ...] = FAMILIES

    def __init__(self, levels: Sequence[int] = LEVELS) -> None:
        """Take the levels that are drawn where none is asked for; what is proposed may have any.

        Raises ValueError on an unknown level.
        """
        check_weights(dict.fromkeys(levels, 1.0), LEVELS, "level")
        self.levels = tuple(levels)

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        """Draw ``n`` distinct open tasks, spread evenly over the modes.

        Raises ValueError on an unknown level or family.
        """
        supply = partial(open_supply, levels=self.levels if level is None else LEVELS)
        drawn = draw_open(rng, n, level, family, LEVELS_OF, supply)
        return [_task(problem) for problem in drawn]

    def check(self, task: Task, answer: str) -> Verdict:
        """Run what the answer proposes and compare. Total.

        A task that this world cannot read fails with ``error`` in the evidence.
        """
        asked = read_prompt(task.prompt) if task.world == self.name else None
        if asked is None:
            told = {"error": "unreadable_task"}
            return Verdict(0.0, False, False, "exact", "the task cannot be read", told)
        statement, program = asked
        if program is None:
            found = read_program(answer)
            if found is None:
                return Verdict(0.0, False, False, "exact", "expected a program in x")
            passed = _explains(found, statement, task.id)
            return _verdict(passed, render(found))
        value = read_answer(answer)
        if value is None:
            return Verdict(0.0, False, False, "exact", "expected a whole number or a list")
        if statement.mode == "deduction":
            passed = run(program, _value(statement.inputs[0])) == value
        else:
            passed = run(program, value) == _value(statement.outputs[0])
        return _verdict(passed, write_value(value))

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

        Raises ValueError on an unknown family or level, a weight that is negative or not finite, or
        if all weights are 0.
        """
        drawn = draw_reserved(rng, n, stream, families, levels, LEVELS_OF, open_supply)
        return [_task(problem) for problem in drawn]


def _explains(program: Expression, statement: Statement, task_id: str) -> bool:
    """Say whether a program gives the pairs shown and agrees with what the task's id seals."""
    texts = zip(statement.inputs, statement.outputs, strict=True)
    pairs = [(_value(i), _value(o)) for i, o in texts]
    if any(run(program, given) != output for given, output in pairs):
        return False
    form = behaviour(program, isinstance(pairs[0][0], tuple))
    return induction_id(pairs, form) == task_id


def _value(text: str) -> Value:
    """Return a value of a prompt; one that cannot be read is like no value there is."""
    found = read_value(text)
    return (10**9,) if found is None else found


def _verdict(passed: bool, read: str) -> Verdict:
    feedback = "correct" if passed else "not correct"
    return Verdict(float(passed), passed, True, "exact", feedback, {"read": read})


def _task(problem: Problem, lineage: tuple[str, ...] = ()) -> Task:
    return Task(problem.id, WORLD, problem.prompt, problem.mode, problem.level, lineage)
