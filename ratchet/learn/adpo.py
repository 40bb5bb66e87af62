"""ADPO: trust a group's signal, and the step it may take, by the group's self-consistency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, pstdev

from ratchet.core.records import Trace
from ratchet.engine.losses import Batch, PolicyGradient, Reduction
from ratchet.learn.advantage import by_task, group_advantages, judged
from ratchet.learn.rows import row_of, trainable, with_advantage
from ratchet.learn.update import Update


def trust(p: float, floor: float = 0.6) -> float:
    """Return s(p) in [floor, 1]: rises from p = 0.3 to p = 0.8."""
    share = min(max((p - 0.3) / 0.5, 0.0), 1.0)
    return floor + share * (1.0 - floor)


def upper_clip(p: float, clip: float = 0.2, bonus: float = 0.1) -> float:
    """Return eps_high(p) in [clip, clip + bonus]: falls from p = 0.3 to p = 0.8."""
    return clip + bonus * min(max((0.8 - p) / 0.5, 0.0), 1.0)


def adpo(
    groups: Sequence[Sequence[Trace]],
    *,
    floor: float = 0.6,
    clip: float = 0.2,
    bonus: float = 0.1,
    kl: float = 0.0,
    normalise: bool = True,
    reduction: Reduction = "rows",
) -> Update:
    """Return the update of Ambiguity-Dynamic Policy Optimisation: Agent0, arXiv 2511.16043.

    GRPO whose advantages are multiplied by s(p), increasing, and whose upper clip bound is
    1 + eps_high(p), decreasing, where p = ``trace.measures["p"]`` in [0, 1] is the share of the
    group's answers that agree with the pseudo-label. The paper names no s and eps_high; the forms
    of ``trust`` and ``upper_clip`` and their constants are those of its released code.

    Deviations: s is divided by its mean over the batch (``normalise``), because without that ADPO
    also shrinks the mean step and cannot be compared with GRPO at one learning rate; groups
    without signal and errors are left out as in ``grpo``. The bound has an effect only from the
    second step on one batch. Raises ValueError if p is missing, out of range or differs within a
    group: a constant in its place would switch the method off unseen.
    """
    kept = judged(groups)
    errors = sum(map(len, groups)) - sum(map(len, kept))
    found, scales, bounds, rates, signal = [], [], [], [], 0
    for index, group in enumerate(by_task(kept)):
        if not group:
            continue
        p = _consistency(index, group)
        advantages = group_advantages([trace.verdict.reward for trace in group])
        if advantages is None:
            continue
        signal += 1
        rates.append(p)
        for trace, advantage in zip(group, advantages, strict=True):
            row = row_of(trace)
            if trainable(row):
                found.append((row, advantage))
                scales.append(trust(p, floor))
                bounds.append(upper_clip(p, clip, bonus))
    mean = fmean(scales) if scales else 1.0
    divisor = mean if normalise else 1.0
    rows = tuple(
        with_advantage(row, advantage * scale / divisor, clip, high)
        for (row, advantage), scale, high in zip(found, scales, bounds, strict=True)
    )
    measures = {
        "errors": float(errors),
        "scale_mean": mean,
        "scale_std": pstdev(scales) if scales else 0.0,
        "clip_high_std": pstdev(bounds) if bounds else 0.0,
        "p_low": min(rates, default=0.0),
        "p_high": max(rates, default=0.0),
    }
    loss = PolicyGradient("token", kl, reduction)
    return Update(Batch(rows), loss, signal, len(kept) - signal, measures)


def _consistency(index: int, group: Sequence[Trace]) -> float:
    values = {trace.measures.get("p", math.nan) for trace in group}
    p = values.pop()
    if values or not 0.0 <= p <= 1.0:
        raise ValueError(
            f"group {index}: every trace needs the group's self-consistency in [0, 1] "
            f"as measures['p']"
        )
    return p
