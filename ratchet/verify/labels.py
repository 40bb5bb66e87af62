"""Labels: what decides whether an attempt was right, and how often the label itself is.

``execution`` computes the truth (the default), ``plurality`` takes the commonest answer of a group
(Agent0, R-Zero), ``random`` is the control that must not teach anything. Whatever decides, the
label of every task is audited against computed truth; the audit is never trained on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, Task, Verdict
from ratchet.worlds.protocol import World

Source = Literal["execution", "plurality", "random"]


@dataclass(frozen=True)
class Labelled:
    """A group of attempts at one task, judged."""

    task: Task
    """What was attempted."""
    attempts: tuple[Attempt, ...]
    """The group."""
    verdicts: tuple[Verdict, ...]
    """One per attempt, by the label."""
    label_right: bool | None
    """Whether the label agrees with computed truth; None where there is no label."""
    truths: tuple[bool, ...] = ()
    """Whether each attempt is truly right, where the label is not the truth itself."""

    @property
    def pass_rate(self) -> float:
        """Share of attempts that pass by the label: Agent0's p."""
        return sum(v.passed for v in self.verdicts) / len(self.verdicts)


def judge(
    world: World,
    task: Task,
    attempts: Sequence[Attempt],
    source: Source,
    rng: np.random.Generator,
) -> Labelled:
    """Judge a group of attempts at one task by this source."""
    truths = [world.check(task, attempt.answer) for attempt in attempts]
    if source == "execution":
        return Labelled(task, tuple(attempts), tuple(truths), True)
    if source == "random":
        verdicts = [_decide(bool(rng.random() < 0.5), t.parsed, "random") for t in truths]
        return Labelled(task, tuple(attempts), tuple(verdicts), None)
    read = [str(t.evidence["read"]) if t.parsed else None for t in truths]
    votes = Counter(answer for answer in read if answer is not None)
    if not votes:
        nothing = tuple(_decide(False, False, "plurality") for _ in attempts)
        return Labelled(task, tuple(attempts), nothing, None)
    label = min(votes, key=lambda answer: (-votes[answer], answer))
    verdicts = [_decide(answer == label, answer is not None, "plurality") for answer in read]
    right = world.check(task, label).passed
    audited = tuple(truth.passed for truth in truths)
    return Labelled(task, tuple(attempts), tuple(verdicts), right, audited)


def label_accuracy(groups: Sequence[Labelled]) -> float | None:
    """Return the share of labels that are right; None if there are no labels."""
    audited = [group.label_right for group in groups if group.label_right is not None]
    return sum(audited) / len(audited) if audited else None


def _decide(passed: bool, parsed: bool, source: Literal["plurality", "random"]) -> Verdict:
    return Verdict(float(passed), passed, parsed, source)


def judge_groups(
    world: World,
    tasks: Sequence[Task],
    groups: Sequence[Sequence[Attempt]],
    source: Source,
    seed: Seed,
) -> list[Labelled]:
    """Judge one group of attempts per task, in order."""
    return [
        judge(world, task, group, source, seed.child(task.id).rng())
        for task, group in zip(tasks, groups, strict=True)
    ]


def trace_labelled(group: Labelled, role: str = "solver") -> list[Trace]:
    """Return a group as traces, with its pass rate ``p`` and, if audited, ``label_right``.

    Where the label is not the truth, each trace says what the truth is (``truth``), for monitors.
    """
    measures = {"p": group.pass_rate}
    if group.label_right is not None:
        measures["label_right"] = float(group.label_right)
    audited = [{"truth": float(truth)} for truth in group.truths] or [{}] * len(group.attempts)
    return [
        Trace(group.task, attempt, verdict, role, measures | told)
        for attempt, verdict, told in zip(group.attempts, group.verdicts, audited, strict=True)
    ]
