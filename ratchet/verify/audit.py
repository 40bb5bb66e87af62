"""The audit of labels against computed truth: how often they are right, and what they teach.

With TPR = P(pass | right) and FPR = P(pass | wrong), mass on wrong answers shrinks under policy
gradient if and only if Youden's J = TPR - FPR > 0 (arXiv 2601.04411). Under plurality J is positive
on tasks whose label is right and negative where an error won the vote, so that a mean hides the
sign: the share of training weight on tasks with J < 0 is told too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.learn.advantage import group_advantages
from ratchet.stats import Interval, wilson_interval
from ratchet.verify.labels import Labelled

Judged = Sequence[tuple[bool, bool]]
"""The attempts at one task: whether the label passed each, and whether it is truly right."""


@dataclass(frozen=True)
class Rates:
    """TPR, FPR and J of verdicts, with standard errors, tasks as clusters."""

    tpr: float
    tpr_error: float
    fpr: float
    fpr_error: float
    j: float
    j_error: float
    j_tasks: int
    """Number of tasks."""


@dataclass(frozen=True)
class Audit:
    """What is known of the labels that a solver is trained on."""

    accuracy: Interval | None
    """Share of labels that are right, Wilson's 95% interval; None without labels."""
    rates: Rates | None
    """None where attempts of one kind are missing, or tasks are fewer than two."""
    against: float | None
    """Share of training weight on tasks with J < 0; None where nothing carries weight."""


def audit(groups: Sequence[Labelled], weights: Sequence[float] | None = None) -> Audit:
    """Audit groups as they were labelled.

    A group's weight is by default the sum of its |advantages| under GRPO; give ``weights`` where
    the rule weighs otherwise.
    """
    told = [group.label_right for group in groups if group.label_right is not None]
    accuracy = wilson_interval(sum(told), len(told)) if told else None
    pairs = [judged_pairs(group) for group in groups]
    carried = [_weight(group) for group in groups] if weights is None else list(weights)
    total = sum(carried)
    wrong = sum(w for w, group in zip(carried, pairs, strict=True) if task_j(group) < 0)
    return Audit(accuracy, rates(pairs), wrong / total if total > 0 else None)


def judged_pairs(group: Labelled) -> list[tuple[bool, bool]]:
    """Return verdict and truth of each attempt; where the label is the truth they are the same."""
    passed = [verdict.passed for verdict in group.verdicts]
    return list(zip(passed, group.truths or passed, strict=True))


def task_j(group: Judged) -> float:
    """Return TPR - FPR at one task; the rate of a kind of attempt that is missing counts as 0."""
    right = [passed for passed, truth in group if truth]
    wrong = [passed for passed, truth in group if not truth]
    return sum(right) / max(len(right), 1) - sum(wrong) / max(len(wrong), 1)


def rates(groups: Sequence[Judged]) -> Rates | None:
    """Return the rates over all attempts, as ratios of sums over tasks, linearised."""
    cells = np.array(
        [
            [
                sum(1.0 for passed, true in group if true == truth and (passed or not counted))
                for truth in (True, False)
                for counted in (True, False)
            ]
            for group in groups
        ]
    ).reshape(len(groups), 4)
    passed_right, right, passed_wrong, wrong = cells.T
    n = len(groups)
    if n < 2 or not right.sum() or not wrong.sum():
        return None
    tpr, fpr = passed_right.sum() / right.sum(), passed_wrong.sum() / wrong.sum()
    of_tpr = (passed_right - tpr * right) / right.sum()
    of_fpr = (passed_wrong - fpr * wrong) / wrong.sum()
    errors = [
        math.sqrt(n / (n - 1.0) * float(np.sum(part**2)))
        for part in (of_tpr, of_fpr, of_tpr - of_fpr)
    ]
    return Rates(float(tpr), errors[0], float(fpr), errors[1], float(tpr - fpr), errors[2], n)


def _weight(group: Labelled) -> float:
    found = group_advantages([verdict.reward for verdict in group.verdicts])
    return sum(abs(advantage) for advantage in found or ())
