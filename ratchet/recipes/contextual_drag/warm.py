"""What the small models learn: Countdown as text, with drafts of known reliability.

Most drafts are right, so leaning on them is rational: what later shows as drag is a learned
reliance. That pretrained models drag for the same reason is not shown by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.diagnose.drag.drafts import spoil
from ratchet.diagnose.drag.observations import Draft
from ratchet.solve.retry import Asking
from ratchet.worlds.countdown import Countdown, solve_exactly
from ratchet.worlds.countdown.problem import read_prompt

SHOWN = {"none": 0.35, "draft": 0.15, "drafts": 0.15, "verdict": 0.2, "label": 0.15}
"""Shares of problems without a draft, with one, with two, with some to be judged, with one
judged."""
END = "\n\n"
"""What a reply ends with."""
_TRIES = 20


class Side(Countdown):
    """Countdown whose open tasks come from one side: what small models were taught, or the rest.

    Three problems of four are taught, by their id. What is measured or practised is the fourth.
    """

    def __init__(self, taught: bool) -> None:
        """Take a side."""
        self.taught = taught

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        """Draw ``n`` distinct open tasks of this side, or as many as there are."""
        size = 8 * n
        while True:
            drawn = super().tasks(rng, size, level, family)
            found = [task for task in drawn if (int(task.id[:8], 16) % 4 > 0) == self.taught]
            if len(found) >= n or len(drawn) < size:
                return found[:n]
            size *= 4


def documents(
    families: Sequence[str], pool: int, reliability: float, seed: Seed
) -> Iterator[tuple[str, str]]:
    """Yield prompts with the replies to learn, without end, from ``pool`` problems a family."""
    world, rng = Side(taught=True), seed.child("tasks").rng()
    tasks = [task for family in families for task in world.tasks(rng, pool, family=family)]
    random, asking = Random(seed.child("drafts").integer()), Asking()
    while True:
        for task in random.sample(tasks, len(tasks)):
            yield write(world, task, asking, reliability, random)


def write(
    world: Countdown, task: Task, asking: Asking, reliability: float, random: Random
) -> tuple[str, str]:
    """Return a prompt and the reply to learn, perhaps with drafts and a verdict."""
    solution = solve_exactly(task.prompt)
    if solution is None:
        raise ValueError(f"{task.prompt!r} has no solution")
    right = Draft(f"{task.id}/r", task.id, solution, solution, True)
    (shown,) = random.choices(list(SHOWN), list(SHOWN.values()))
    count = 2 if shown == "drafts" or (shown == "verdict" and random.random() < 0.25) else 1
    drawn = [
        right if random.random() < reliability else err(world, task, right, random)
        for _ in range(count if shown != "none" else 0)
    ]
    drafts = [draft for draft in drawn if draft is not None]
    if not drafts:
        return asking.write(task.prompt), f" {solution}{END}"
    judged = "right" if all(draft.right for draft in drafts) else "wrong"
    if shown == "verdict":
        names = [""] if len(drafts) == 1 else [f" {n}" for n, _ in enumerate(drafts, 1)]
        beside = "".join(f"Draft{n}: {d.text}\n" for n, d in zip(names, drafts, strict=True))
        told = asking.write(task.prompt, beside, "Verdict:")
        return told, f" {judged}\nAnswer: {solution}{END}"
    beside = "".join(f"Draft: {draft.text}\n" for draft in drafts)
    if shown == "label":
        beside += f"Verdict: {judged}\n"
    return asking.write(task.prompt, beside), f" {solution}{END}"


def err(world: Countdown, task: Task, right: Draft, random: Random) -> Draft | None:
    """Return a wrong draft: half are spoiled in one place, half are other sums of the numbers."""
    if random.random() < 0.5:
        return spoil(world, task, right, random)
    problem = read_prompt(task.prompt)
    if isinstance(problem, str):
        return None
    for _ in range(_TRIES):
        first, *rest = random.sample(problem.numbers, len(problem.numbers))
        text = str(first) + "".join(f" {random.choice('+-*')} {number}" for number in rest)
        verdict = world.check(task, text)
        if verdict.parsed and not verdict.passed:
            return Draft(f"{right.id}/other", task.id, text, text, False, "synthetic")
    return None
