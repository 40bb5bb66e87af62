"""GRPO: policy gradient with the group's mean as baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ratchet.core.records import Trace
from ratchet.engine.losses import Batch, PolicyGradient, Reduction
from ratchet.learn.advantage import Baseline, Scale, by_role, by_task, group_advantages, judged
from ratchet.learn.rows import row_of, trainable, with_advantage
from ratchet.learn.update import Update


def grpo(
    groups: Sequence[Sequence[Trace]],
    *,
    clip: float = 0.2,
    clip_high: float | None = None,
    kl: float = 0.0,
    scale: Scale = "std",
    baseline: Baseline = "group",
    ratio: Literal["token", "sequence"] = "token",
    reduction: Reduction = "rows",
) -> Update:
    """Return the update of Group Relative Policy Optimisation, arXiv 2402.03300, equation 3.

    The attempts at one task form a group; every token of an attempt has the attempt's advantage
    (reward - group mean) / group deviation; the ratio to the sampling policy is clipped to
    [1 - clip, 1 + clip_high], and each attempt counts by the mean over its tokens. A larger
    ``clip_high`` is DAPO's (arXiv 2503.14476); ``scale="none"`` with ``reduction="tokens"`` or
    ``"sum"`` is in the spirit of Dr. GRPO (arXiv 2503.20783); ``ratio="sequence"`` is GSPO's
    (arXiv 2507.18071). With ``baseline="role"`` mean and deviation are those of all traces of a
    role, for a proposer whose proposals are one group. With ``kl`` above 0, fill the reference in
    by ``Update.with_reference``.

    Deviations: groups without signal are left out instead of adding zeros to the mean (as in
    DAPO), attempts ended by an environment's error are no part of their group, and no KL term is
    used unless asked for. Raises ValueError on a group of several tasks (baseline ``group``).
    """
    kept = judged(groups)
    errors = sum(map(len, groups)) - sum(map(len, kept))
    compared = by_role(kept) if baseline == "role" else by_task(kept)
    rows, signal = [], 0
    for group in compared:
        advantages = group_advantages([trace.verdict.reward for trace in group], scale)
        if advantages is None:
            continue
        signal += 1
        for trace, advantage in zip(group, advantages, strict=True):
            high = clip if clip_high is None else clip_high
            rows.append(with_advantage(row_of(trace), advantage, clip, high))
    return Update(
        Batch(tuple(row for row in rows if trainable(row))),
        PolicyGradient(ratio, kl, reduction),
        signal,
        len(compared) - signal,
        {"errors": float(errors)},
    )
