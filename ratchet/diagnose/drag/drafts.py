"""Choosing problems and drafts, by samples that are used for nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from ratchet.core.task import Task
from ratchet.diagnose.drag.conditions import Condition
from ratchet.diagnose.drag.observations import Draft, Response
from ratchet.diagnose.drag.similarity import tokenise
from ratchet.worlds.protocol import World

LONGEST = 2_000
"""Characters of a draft that are shown."""


@dataclass(frozen=True)
class Chosen:
    """The matched subset and its drafts."""

    tasks: tuple[Task, ...]
    """Every one has all the drafts that any condition needs."""
    wrong: Mapping[str, tuple[Draft, ...]]
    """Wrong drafts by task id, with different answers, in random order."""
    right: Mapping[str, tuple[Draft, ...]]
    """Right drafts by task id."""
    skips: Mapping[str, int] = field(default_factory=dict)
    """Tasks left out, by reason: ``truncated``, ``unreadable``, ``no_wrong_draft``,
    ``no_right_draft``, ``not_needed``."""

    @property
    def drafts(self) -> dict[str, Draft]:
        """All drafts by id."""
        groups = [*self.wrong.values(), *self.right.values()]
        return {draft.id: draft for group in groups for draft in group}


def choose(
    tasks: Sequence[Task],
    pool: Mapping[str, Sequence[Response]],
    wrong: int,
    right: int,
    problems: int,
    random: Random,
) -> Chosen:
    """Choose up to ``problems`` tasks with so many wrong and right drafts each.

    Drafts are finished, readable responses. Wrong ones differ in their answer: two copies of one
    error would count as two errors. Right ones may agree, as the paper's do.
    """
    kept: list[Task] = []
    wrongs: dict[str, tuple[Draft, ...]] = {}
    rights: dict[str, tuple[Draft, ...]] = {}
    skips = Counter[str]()
    for task in tasks:
        finished = [r for r in pool.get(task.id, ()) if not r.truncated]
        readable = [r for r in finished if r.answer]
        errors = {r.answer: r for r in random.sample(readable, len(readable)) if not r.passed}
        solved = [r for r in readable if r.passed]
        if len(kept) == problems:
            skips["not_needed"] += 1
        elif not finished:
            skips["truncated"] += 1
        elif not readable:
            skips["unreadable"] += 1
        elif len(errors) < wrong:
            skips["no_wrong_draft"] += 1
        elif len(solved) < right:
            skips["no_right_draft"] += 1
        else:
            kept.append(task)
            wrongs[task.id] = _as_drafts(random.sample(list(errors.values()), wrong))
            rights[task.id] = _as_drafts(random.sample(solved, right))
    return Chosen(tuple(kept), wrongs, rights, dict(skips))


def pick(
    condition: Condition, chosen: Chosen, task: Task, sample: int, others: Mapping[str, Draft]
) -> list[Draft] | None:
    """Return the drafts that one sample of a task sees, in order; None if they are lacking.

    Samples rotate through the task's drafts, so that single-draft conditions use all of them.
    ``others`` holds by task id the drafts of another source.
    """
    if condition.change == "foreign":
        place = chosen.tasks.index(task)
        stranger = chosen.tasks[(place + 1 + sample) % len(chosen.tasks)]
        if stranger == task:
            return None
        return [chosen.wrong[stranger.id][0]]
    if condition.source != "own":
        other = others.get(task.id)
        return None if other is None else [other]
    wrong = _rotate(chosen.wrong[task.id], condition.wrong, sample)
    right = _rotate(chosen.right[task.id], condition.right, sample)
    if wrong is None or right is None:
        return None
    return wrong + right if sample % 2 else right + wrong


def alter(condition: Condition, text: str, random: Random) -> str:
    """Return what is shown of a draft's text."""
    if condition.change == "shuffled":
        tokens = tokenise(text)
        return " ".join(random.sample(tokens, len(tokens)))
    if condition.change == "prefix":
        words = text.split()
        return " ".join(words[: max(1, len(words) // 2)])
    return text[:LONGEST]


def spoil(world: World, task: Task, right: Draft, random: Random) -> Draft | None:
    """Return a right draft with one number or operator changed so that it is wrong, or None."""
    tokens = tokenise(right.text)
    places = [i for i, token in enumerate(tokens) if token.isdigit() or token in "+-*/"]
    for place in random.sample(places, len(places)):
        token = tokens[place]
        if token.isdigit():
            new = str(int(token) + random.choice((-1, 1)))
        else:
            new = random.choice([o for o in "+-*/" if o != token])
        text = " ".join([*tokens[:place], new, *tokens[place + 1 :]])
        verdict = world.check(task, text)
        if verdict.parsed and not verdict.passed:
            answer = str(verdict.evidence.get("read", text))
            return Draft(f"{right.id}/spoiled", task.id, text, answer, False, "synthetic")
    return None


def _as_drafts(responses: Sequence[Response]) -> tuple[Draft, ...]:
    return tuple(Draft(r.draw, r.problem, r.text[:LONGEST], r.answer, r.passed) for r in responses)


def _rotate(drafts: Sequence[Draft], count: int, start: int) -> list[Draft] | None:
    """Return ``count`` different drafts from a place on, or None if there are too few."""
    if count > len(drafts):
        return None
    return [drafts[(start + i) % len(drafts)] for i in range(count)]
