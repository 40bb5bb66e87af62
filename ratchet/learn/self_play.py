"""Self-play: the policy gradient of both roles of a game, every attempt counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ratchet.core.records import Trace
from ratchet.engine.losses import Batch, PolicyGradient
from ratchet.learn.advantage import Baseline, by_role, by_task, group_advantages, judged
from ratchet.learn.rows import row_of, trainable, with_advantage
from ratchet.learn.update import Update


def self_play(
    groups: Sequence[Sequence[Trace]],
    *,
    clip: float = 0.2,
    baseline: Baseline = "group",
    keep_all: bool = False,
) -> Update:
    """Return the update of one role of Language Self-Play, arXiv 2509.07414, equations 1 to 5.

    L = -1/M * sum over the M attempts of A * log pi(attempt), A = reward - mean reward, without
    division by a deviation; the mean is that of the attempts at one query (solver) or of all
    queries of a step (``baseline="role"``, challenger). The weight 1/M stands in the rows, so that
    the losses of two roles can be added as they are. With ``keep_all`` attempts without an
    advantage stay, for the KL of ``Update.with_reference`` acts on them too; without it they are
    left out, which changes nothing but the time.

    Deviations: the ratio to the sampling policy is clipped, which acts only where several steps are
    taken on one set of attempts; KL is the engine's k3 estimate, the paper's has the plain
    log-ratio. Raises ValueError on a group of several tasks (baseline ``group``).
    """
    kept = judged(groups)
    compared = by_role(kept) if baseline == "role" else by_task(kept)
    share = 1.0 / max(1, sum(map(len, compared)))
    rows, signal = [], 0
    for group in compared:
        advantages = group_advantages([trace.verdict.reward for trace in group], "none")
        signal += advantages is not None
        if advantages is None and not keep_all:
            continue
        for trace, advantage in zip(group, advantages or [0.0] * len(group), strict=True):
            rows.append(with_advantage(row_of(trace), advantage, clip, clip))
    update = Update(
        Batch(tuple(row for row in rows if trainable(row))),
        PolicyGradient("token", reduction="sum"),
        signal,
        len(compared) - signal,
        {"errors": float(sum(map(len, groups)) - sum(map(len, kept)))},
    )
    return scaled(update, share)


def scaled(update: Update, factor: float) -> Update:
    """Return the update with every weight multiplied: LSP's alpha on the challenger's loss.

    Only a loss that is a plain sum is scaled by it: ValueError on any other reduction.
    """
    if update.loss.reduction != "sum":
        raise ValueError(f"a loss reduced by {update.loss.reduction!r} does not scale by weights")
    rows = tuple(
        replace(row, weights=tuple(factor * weight for weight in row.weights))
        for row in update.batch.rows
    )
    return replace(update, batch=Batch(rows))
