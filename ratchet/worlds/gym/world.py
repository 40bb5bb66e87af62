"""The world of reasoning-gym: other people's generators and verifiers under our partition."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from random import Random

import numpy as np

from ratchet.core.task import Rejection, Task, Verdict
from ratchet.worlds.apportion import check_weights
from ratchet.worlds.gym.bank import SIZE, WORLD, Problem, open_bank, problem_at, score
from ratchet.worlds.gym.families import FAMILIES, LEVELS, LEVELS_OF
from ratchet.worlds.protocol import Stream
from ratchet.worlds.supply import Supply, draw_open, draw_reserved

REASONS = ("no_designation", "unknown_family", "unknown_level", "unknown_number", "reserved")
"""Why a text is not an open task."""

_DESIGNATION = re.compile(r"\s*([a-z_]{1,40}) level ([0-9]{1,3}) number ([0-9]{1,9})\s*")
_TAGGED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_TAIL = 10_000


class ReasoningGym:
    """Fifteen families of reasoning-gym (arXiv 2505.24760), up to five levels each.

    An answer is what stands in its last ``<answer>`` tags, or else its last line with text. It
    passes if reasoning-gym gives it full marks, and earns 1 or 0: the package also gives part marks
    to an answer that merely contains the right one, such as "True or False"; those are not paid.

    A policy proposes a task by naming it, ``chain_sum level 2 number 17``: what a question written
    by a model asks for, no generator can say.
    """

    name: str = WORLD
    families: tuple[str, ...] = FAMILIES

    def __init__(self, families: Sequence[str] = FAMILIES, levels: Sequence[int] = LEVELS) -> None:
        """Take the families, and the levels that are drawn where none is asked for.

        Raises ValueError on what is not offered, ConfigError without the extra ``tasks``.
        """
        check_weights(dict.fromkeys(families, 1.0), FAMILIES, "family")
        check_weights(dict.fromkeys(levels, 1.0), LEVELS, "level")
        self.families = tuple(f for f in FAMILIES if f in families)
        self.levels = tuple(levels)
        open_bank(self.families[0], LEVELS[0])  # a missing package is told here, not at a draw

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        """Draw ``n`` distinct open tasks, spread evenly over the families that have the level.

        Raises ValueError on an unknown level or family.
        """
        levels = self.levels if level is None else (level,)
        supply = partial(_open_supply, levels=levels)
        drawn = draw_open(rng, n, level, family, self._offered, supply)
        return [_task(problem) for problem in drawn]

    def check(self, task: Task, answer: str) -> Verdict:
        """Have reasoning-gym compare the answer with what it knows. Total.

        A task that this world cannot read fails with ``error`` in the evidence.
        """
        problem = _find(task) if task.world == self.name else None
        if problem is None:
            told = {"error": "unreadable_task"}
            return Verdict(0.0, False, False, "exact", "the task cannot be read", told)
        read = read_answer(answer)
        if not read:
            return Verdict(0.0, False, False, "exact", "expected an answer on the last line")
        passed = score(problem, read) >= 1.0
        feedback = "correct" if passed else "not correct"
        return Verdict(float(passed), passed, True, "exact", feedback, {"read": read})

    def parse(self, text: str) -> Task | Rejection:
        """Read the name of a task; reasons are those of ``REASONS``. Total."""
        named = _DESIGNATION.fullmatch(text)
        if named is None:
            return Rejection("no_designation", text[:200])
        family, level, number = named[1], int(named[2]), int(named[3])
        if family not in self.families:
            return Rejection("unknown_family", text[:200])
        if level not in LEVELS_OF[family]:
            return Rejection("unknown_level", text[:200])
        if number >= SIZE:
            return Rejection("unknown_number", text[:200])
        problem = problem_at(family, level, number)
        if problem.stream is not None:
            return Rejection("reserved", text[:200])
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
        asked = tuple(level for level, weight in levels.items() if weight)
        supply = partial(_open_supply, levels=asked)
        drawn = draw_reserved(rng, n, stream, families, levels, self._offered, supply)
        return [_task(problem) for problem in drawn]

    @property
    def _offered(self) -> dict[str, tuple[int, ...]]:
        return {family: LEVELS_OF[family] for family in self.families}


def designate(task: Task) -> str:
    """Return the name by which a policy would propose a task. Raises ValueError on another's."""
    problem = _find(task)
    if problem is None:
        raise ValueError(f"{task.prompt[:80]!r} is no task of {WORLD}")
    return f"{problem.family} level {problem.level} number {problem.number}"


def read_answer(text: str) -> str:
    """Return what an answer says: its last tags, or else its last line with text. Total."""
    tail = text[-_TAIL:]
    tagged = _TAGGED.findall(tail)
    if tagged:
        return str(tagged[-1]).strip()
    return next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), "")


def _find(task: Task) -> Problem | None:
    """Return the problem that a task is, by its question alone."""
    if task.level not in LEVELS_OF.get(task.family, ()):
        return None
    return open_bank(task.family, task.level).get(task.prompt)


def _open_supply(
    family: str, stream: Stream | None, random: Random, levels: Sequence[int]
) -> Supply[Problem]:
    """Return a family's problems on one side, at these levels, shuffled."""
    offered = [level for level in LEVELS_OF[family] if level in levels]
    problems = [p for level in offered for p in open_bank(family, level).values()]
    random.shuffle(problems)

    def sided() -> Iterator[Problem]:
        yield from (problem for problem in problems if problem.stream == stream)

    return Supply(sided(), len(problems) + 1)


def _task(problem: Problem, lineage: tuple[str, ...] = ()) -> Task:
    return Task(problem.id, WORLD, problem.question, problem.family, problem.level, lineage)
