"""Task-relative REINFORCE++: a baseline for each role at each kind of task."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, pstdev
from typing import Literal

from ratchet.core.records import Trace
from ratchet.engine.losses import Batch, PolicyGradient, Reduction
from ratchet.learn.advantage import by_cell, group_advantages, judged
from ratchet.learn.rows import row_of, trainable, with_advantage
from ratchet.learn.update import Update

Cells = Literal["cell", "pooled"]
"""Whose mean and deviation are taken: those of a role at a family, or of the whole batch."""


def task_relative(
    groups: Sequence[Sequence[Trace]],
    *,
    baseline: Cells = "cell",
    clip: float = 0.2,
    clip_high: float | None = None,
    kl: float = 0.0,
    reduction: Reduction = "rows",
) -> Update:
    """Return the update of task-relative REINFORCE++: Absolute Zero, arXiv 2505.03335, equation 8.

    A = (reward - mean) / deviation over all traces of one cell, a role at a family of tasks: with
    two roles and three modes there are six baselines, where REINFORCE++ (arXiv 2501.03262) has one
    for the batch (``baseline="pooled"``). The attempts at one task are no group of their own, so
    that a task that is always solved still pulls towards its mode's mean. All cells make one batch:
    both roles learn in one step. Tokens are clipped as in PPO.

    Measures: ``cells``; ``cell_spread``, the deviation of the cells' mean rewards; ``cell_lead``,
    the largest mean advantage of a cell, which is 0 unless the baseline is pooled; ``errors``.

    Deviations: each trace counts by the mean over its tokens (``reduction``), where the released
    code averages over all tokens of the batch; a cell whose rewards are all equal is left out;
    attempts that an environment's error ended have no part; no KL unless asked for, as there.
    """
    kept = judged(groups)
    errors = sum(map(len, groups)) - sum(map(len, kept))
    cells = list(by_cell(kept).values())
    compared = cells if baseline == "cell" else [[trace for cell in cells for trace in cell]]
    rows, signal, lead = [], 0, dict[tuple[str, str], list[float]]()
    for cell in compared:
        advantages = group_advantages([trace.verdict.reward for trace in cell])
        if advantages is None:
            continue
        signal += 1
        high = clip if clip_high is None else clip_high
        for trace, advantage in zip(cell, advantages, strict=True):
            rows.append(with_advantage(row_of(trace), advantage, clip, high))
            lead.setdefault((trace.role, trace.task.family), []).append(advantage)
    means = [fmean(trace.verdict.reward for trace in cell) for cell in cells]
    measures = {
        "errors": float(errors),
        "cells": float(len(cells)),
        "cell_spread": pstdev(means) if means else 0.0,
        "cell_lead": max((abs(fmean(found)) for found in lead.values()), default=0.0),
    }
    loss = PolicyGradient("token", kl, reduction)
    trained = Batch(tuple(row for row in rows if trainable(row)))
    return Update(trained, loss, signal, len(compared) - signal, measures)
