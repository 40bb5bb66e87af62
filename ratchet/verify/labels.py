"""Labels: what decides whether an attempt was right, and how often the label itself is.

``execution`` computes the truth (the default), ``plurality`` takes the commonest answer of a group
(Agent0, R-Zero), ``gated`` the same, but only where enough attempts agree on it, ``random`` is the
control that must not teach anything. Whatever decides, every attempt and every label is audited
against computed truth (`audit`); the audit is never trained on.
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

Source = Literal["execution", "plurality", "gated", "random"]


@dataclass(frozen=True)
class Labels:
    """How attempts are labelled."""

    source: Source = "execution"
    """What decides."""
    agreement: float = 0.5
    """``gated``: least share of all attempts that must give the commonest answer."""
    systematic: float = 0.0
    """Share of tasks, by a hash of their ids, on which all wrong answers count as one in the vote.
    An experiment: it makes scattered errors systematic ones, against which no vote helps."""


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
    labels: Labels | Source,
    rng: np.random.Generator,
) -> Labelled:
    """Judge a group of attempts at one task.

    An attempt that cannot be read has no vote and never passes. Of equally common answers the
    first by its text is taken. Without a vote, or without enough agreement, there is no label and
    nothing passes.
    """
    labels = labels if isinstance(labels, Labels) else Labels(labels)
    truths = [world.check(task, attempt.answer) for attempt in attempts]
    if labels.source == "execution":
        return Labelled(task, tuple(attempts), tuple(truths), True)
    audited = tuple(truth.passed for truth in truths)
    if labels.source == "random":
        verdicts = [_decide(bool(rng.random() < 0.5), t.parsed, "random") for t in truths]
        return Labelled(task, tuple(attempts), tuple(verdicts), None, audited)
    read = [str(t.evidence["read"]) if t.parsed else None for t in truths]
    if labels.systematic and _errs(task, labels.systematic):
        read = _unite(read, audited)
    votes = Counter(answer for answer in read if answer is not None)
    least = labels.agreement * len(attempts) if labels.source == "gated" else 0.0
    if not votes or max(votes.values()) < least:
        nothing = tuple(_decide(False, answer is not None, "plurality") for answer in read)
        return Labelled(task, tuple(attempts), nothing, None, audited)
    label = min(votes, key=lambda answer: (-votes[answer], answer))
    verdicts = [_decide(answer == label, answer is not None, "plurality") for answer in read]
    right = world.check(task, label).passed
    return Labelled(task, tuple(attempts), tuple(verdicts), right, audited)


def _errs(task: Task, share: float) -> bool:
    """Return whether errors at this task are systematic: a function of the task alone."""
    return bool(Seed(0).child("systematic", task.id).rng().random() < share)


def _unite(read: Sequence[str | None], right: Sequence[bool]) -> list[str | None]:
    """Return the answers with every wrong one replaced by the commonest wrong one."""
    wrong = Counter(a for a, ok in zip(read, right, strict=True) if a is not None and not ok)
    if not wrong:
        return list(read)
    common = min(wrong, key=lambda answer: (-wrong[answer], answer))
    pairs = zip(read, right, strict=True)
    return [answer if answer is None or ok else common for answer, ok in pairs]


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
    labels: Labels | Source,
    seed: Seed,
) -> list[Labelled]:
    """Judge one group of attempts per task, in order."""
    return [
        judge(world, task, group, labels, seed.child(task.id).rng())
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
