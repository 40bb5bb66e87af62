"""Self-imitation by a chi-square objective: SPIN's game with a bounded reward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ratchet.core.records import Trace
from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.engine.protocol import Scored
from ratchet.learn.rows import row_of
from ratchet.learn.update import Update


def chi_square(
    pairs: Sequence[tuple[Trace, Trace]],
    rewards: Sequence[tuple[float, float]],
    *,
    scale: float = 0.1,
    penalty: float = 1.0,
) -> Update:
    """Return one step of the reward player's chi-square objective (after arXiv 2602.01357):

        max over r of  E_target[r] - E_own[r] - penalty * Var_mixture[r]

    with r = scale * log(pi / pi_t), the mixture half target, half own. The variance in place of the
    mean square lets r have any mean, for pi must add up to 1. The solution less its mean is
    (P - Q) / (penalty (P + Q)): at most 1 / penalty whatever the two are. ``pairs`` are as
    in `spin`; ``rewards`` are r of both as the policy is now, by `implicit_rewards`, anew before
    every step. The gradient of r is that of
    log pi, so the loss is cross-entropy with the weights scale * (1 - penalty (r - m)) / n on a
    target and -scale * (1 + penalty (r - m)) / n on one's own, m the mean of all these rewards:
    nothing once r has reached its bound.

    Deviations: constants and theorems of the paper were not at hand; objective and bound are
    derived here. Raises ValueError unless every pair has its rewards.
    """
    if len(pairs) != len(rewards):
        raise ValueError(f"{len(rewards)} rewards for {len(pairs)} pairs")
    share = scale / max(1, len(pairs))
    mean = sum(map(sum, rewards)) / max(1, 2 * len(rewards))
    rows = []
    for (target, own), (here, there) in zip(pairs, rewards, strict=True):
        rows.append(_weighted(target, share * (1.0 - penalty * (here - mean))))
        rows.append(_weighted(own, -share * (1.0 + penalty * (there - mean))))
    return Update(Batch(tuple(rows)), CrossEntropy("sum"), len(pairs), 0)


def implicit_rewards(
    pairs: Sequence[tuple[Trace, Trace]],
    now: Sequence[Scored],
    then: Sequence[Scored],
    scale: float = 0.1,
) -> list[tuple[float, float]]:
    """Return r of target and own of each pair; what the policy did not write does not count.

    ``now`` and ``then`` are the scores of pi and pi_t on the rows of `spin`'s batch, in order.
    """
    rows = [row_of(trace) for pair in pairs for trace in pair]
    told = [
        scale
        * sum(
            weight * (a - b)
            for weight, a, b in zip(row.weights[1:], here.logprobs, there.logprobs, strict=True)
        )
        for row, here, there in zip(rows, now, then, strict=True)
    ]
    return list(zip(told[::2], told[1::2], strict=True))


def _weighted(trace: Trace, factor: float) -> Row:
    row = row_of(trace)
    return replace(row, weights=tuple(factor * weight for weight in row.weights))
