"""The closed set of losses in torch, on the log-probabilities of one micro-batch.

Denominators and counts are those of the whole batch, so micro-batches add up to it. The numpy
reference (``ratchet.engine.reference``) says what each loss is where its definition leaves room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ratchet.engine.losses import (
    Batch,
    CrossEntropy,
    Distillation,
    Loss,
    PolicyGradient,
    Preference,
    Row,
)
from ratchet.engine.reference import TAIL_FLOOR
from ratchet.engine.validate import trained

INFINITE = float("inf")


@dataclass(frozen=True)
class Part:
    """A micro-batch's share of a loss."""

    value: Tensor
    """Scalar that carries the gradient."""
    clipped: int = 0
    """Trained positions where clipping removed the gradient."""
    kl: float = 0.0
    """Weighted sum of the KL estimate."""


def scales(batch: Batch, loss: Loss) -> list[float]:
    """Return for every row of the whole batch what its weighted sum is multiplied by."""
    rows = batch.rows
    if isinstance(loss, Preference):
        terms = len(rows) / 2 if loss.form == "pairwise" else len(rows)
        return [1.0 / terms if loss.reduction == "rows" else 1.0] * len(rows)
    totals = [sum(abs(w) for w in row.weights[1:]) for row in rows]
    if loss.reduction == "sum":
        return [1.0] * len(rows)
    if loss.reduction == "tokens":
        return [1.0 / sum(totals)] * len(rows)
    counted = sum(total > 0.0 for total in totals)
    return [1.0 / (counted * total) if total > 0.0 else 0.0 for total in totals]


def loss_of(values: Sequence[Tensor], rows: Sequence[Row], scale: list[float], loss: Loss) -> Part:
    """Return the share of some rows.

    ``values[i]`` has one entry for each trained position of row i: its log-probability, or its
    divergence for distillation. ``scale[i]`` is the row's entry of ``scales``.
    """
    if isinstance(loss, Preference):
        return Part(_preference(values, rows, scale, loss))
    if isinstance(loss, PolicyGradient):
        parts = [_policy_gradient(lp, row, loss) for lp, row in zip(values, rows, strict=True)]
        value = sum((s * p.value for s, p in zip(scale, parts, strict=True)), torch.zeros(()))
        return Part(value, sum(p.clipped for p in parts), sum(p.kl for p in parts))
    sign = 1.0 if isinstance(loss, Distillation) else -1.0
    terms = [
        sign * s * (_at(row.weights, row, lp) * lp).sum()
        for lp, row, s in zip(values, rows, scale, strict=True)
    ]
    return Part(sum(terms, torch.zeros(())))


def divergence(
    logits: Tensor, teachers: Sequence[Sequence[tuple[int, float]]], kind: str
) -> Tensor:
    """Return each position's divergence over the teacher's top tokens and one bucket for the rest.

    ``logits`` [positions, vocabulary]; ``kind`` as in ``Distillation``.
    """
    logp = logits.log_softmax(dim=1)
    width = max(len(top) for top in teachers)
    tokens = torch.tensor(
        [[t for t, _ in top] + [0] * (width - len(top)) for top in teachers], device=logits.device
    )
    q_log = torch.tensor(
        [[lp for _, lp in top] + [-INFINITE] * (width - len(top)) for top in teachers],
        device=logits.device,
        dtype=torch.float64,
    )
    named = q_log > -INFINITE
    lengths = torch.tensor([len(top) for top in teachers], device=logits.device)
    has_tail = lengths < logits.shape[1]
    rest = (1.0 - q_log.exp().sum(dim=1)).clamp_min(TAIL_FLOOR).log()
    q_log = torch.cat([q_log, rest[:, None]], dim=1).to(logp.dtype)
    counted = torch.zeros_like(logp).scatter_add(1, tokens, named.to(logp.dtype))
    others = logp.masked_fill(counted > 0.0, -INFINITE)
    others = torch.where(has_tail[:, None], others, logp)
    tail = others.logsumexp(dim=1)
    p_log = torch.cat([logp.gather(1, tokens), tail[:, None]], dim=1)
    used = torch.cat([named, has_tail[:, None]], dim=1)
    p_log, q_log = p_log.masked_fill(~used, 0.0), q_log.masked_fill(~used, 0.0)
    p, q = p_log.exp(), q_log.exp()
    if kind == "forward_kl":
        terms = q * (q_log - p_log)
    elif kind == "reverse_kl":
        terms = p * (p_log - q_log)
    else:
        middle = torch.logaddexp(p_log, q_log) - torch.log(p_log.new_tensor(2.0))
        terms = 0.5 * (p * (p_log - middle) + q * (q_log - middle))
    return terms.masked_fill(~used, 0.0).sum(dim=1)


def _policy_gradient(lp: Tensor, row: Row, loss: PolicyGradient) -> Part:
    weights, advantages = _at(row.weights, row, lp), _at(row.advantages, row, lp)
    log_ratio = lp - _at(row.old_logprobs, row, lp)
    if loss.ratio == "sequence" and len(lp):
        log_ratio = ((weights / weights.sum()) @ log_ratio).expand(len(lp))
    ratio = log_ratio.exp()
    low = 1.0 - _at(row.clip_low, row, lp, INFINITE)
    high = 1.0 + _at(row.clip_high, row, lp, INFINITE)
    free = ratio * advantages
    bound = torch.minimum(torch.maximum(ratio, low), high) * advantages
    cut = bound < free
    value = -(weights * torch.where(cut, bound.detach(), free)).sum()
    if loss.kl == 0.0:
        return Part(value, int(cut.sum()))
    gap = _at(row.reference_logprobs, row, lp) - lp
    kl = (weights * (gap.exp() - gap - 1.0)).sum()
    return Part(value + loss.kl * kl, int(cut.sum()), float(kl.detach()))


def _preference(
    values: Sequence[Tensor], rows: Sequence[Row], scale: list[float], loss: Preference
) -> Tensor:
    scores = torch.stack(
        [
            loss.beta
            * (_at(row.weights, row, lp) * (lp - _at(row.reference_logprobs, row, lp))).sum()
            for lp, row in zip(values, rows, strict=True)
        ]
    )
    if loss.form == "pairwise":
        weights = scores.new_tensor(scale[0::2])
        return (weights * functional.softplus(scores[1::2] - scores[0::2])).sum()
    sign = scores.new_tensor([1.0 if row.desirable else -1.0 for row in rows])
    missed = torch.sigmoid(-sign * (scores - loss.beta * loss.z0))
    return (scores.new_tensor(scale) * missed).sum()


def _at(values: Sequence[float], row: Row, like: Tensor, default: float = 0.0) -> Tensor:
    """Return a per-token field at the trained positions, ``default`` if it is missing."""
    chosen = [values[t] for t in trained(row)] if values else [default] * len(like)
    return torch.tensor(chosen, dtype=like.dtype, device=like.device)


def needs_pairs(loss: Loss) -> bool:
    """Return whether rows 2i and 2i + 1 must stay together."""
    return isinstance(loss, Preference) and loss.form == "pairwise"


def is_likelihood(loss: Loss) -> bool:
    """Return whether the loss is a function of log-probabilities of the given tokens alone."""
    return isinstance(loss, CrossEntropy | PolicyGradient | Preference)
