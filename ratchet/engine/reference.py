"""Every loss of the closed set and its exact gradient in the logits, in plain numpy.

This is the oracle that engines are compared with, and what the tabular fake trains by. It is
written to be read and checked by hand, not to be fast.

Where the notation of ``ratchet.engine.losses`` leaves room:

- A denominator is the sum of |w|, so that cross-entropy with negative weights stays defined.
- ``rows`` takes the mean over the rows that have a weight; the preference losses have one term a
  pair (``pairwise``) or a row (``kto``), and ``rows`` is the mean over those.
- A missing ``clip_low`` or ``clip_high`` is no bound.
- ``sequence`` ratio: every position of a row takes part with the row's ratio and its own advantage
  and bounds.
- The teacher's tail is at least ``TAIL_FLOOR``, since its top log-probabilities are rounded; when
  its top names the whole vocabulary there is no tail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ratchet.core.errors import EngineError
from ratchet.engine.losses import (
    Batch,
    CrossEntropy,
    Distillation,
    Loss,
    LossReport,
    PolicyGradient,
    Preference,
    Reduction,
    Row,
)
from ratchet.engine.validate import check_batch

Array = NDArray[np.float64]

TAIL_FLOOR = 1e-8
"""Least probability of the teacher's tail bucket."""


def log_softmax(logits: Array) -> Array:
    """Return log-probabilities along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def loss_and_grad(
    logits: Sequence[Array], batch: Batch, loss: Loss
) -> tuple[LossReport, list[Array]]:
    """Return the loss on a batch and its derivative in every logit.

    ``logits[i]`` has shape [len(tokens) - 1, V]; ``logits[i][t]`` predicts token t + 1 of row i at
    temperature 1. The gradients have the same shapes. Raises EngineError on a batch that does not
    fit the loss, on logits that do not fit the batch, and on a loss that is not finite.
    """
    check_batch(batch, loss)
    if len(logits) != len(batch.rows):
        raise EngineError(f"{len(logits)} logit arrays for {len(batch.rows)} rows", "pass one each")
    rows = [_forward(i, z, row) for i, (z, row) in enumerate(zip(logits, batch.rows, strict=True))]
    with np.errstate(over="ignore", invalid="ignore"):
        parts = _preference(rows, loss) if isinstance(loss, Preference) else _sums(rows, loss)
        value = float(sum(part.value for part in parts))
        grads = [part.grad for part in parts]
    if not (np.isfinite(value) and all(np.isfinite(grad).all() for grad in grads)):
        raise EngineError(f"the loss is {value}", "look at old_logprobs and the reference")
    return _report(value, rows, parts), grads


@dataclass(frozen=True)
class _Forward:
    """A row with its log-probabilities; every array has one entry per predicted token."""

    row: Row
    logp: Array
    targets: NDArray[np.int64]
    weights: Array
    lp: Array

    def field(self, values: Sequence[float], default: float = 0.0) -> Array:
        """Return a per-token field where it matters, ``default`` elsewhere or if it is missing."""
        if not values:
            return np.full(len(self.lp), default)
        given = np.asarray(values[1:], dtype=np.float64)
        return np.where(self.weights != 0.0, given, default)

    def pull_back(self, slope: Array) -> Array:
        """Turn derivatives in lp_t into derivatives in the logits of position t."""
        grad = -slope[:, None] * np.exp(self.logp)
        grad[np.arange(len(slope)), self.targets] += slope
        return grad


@dataclass(frozen=True)
class _Part:
    """One row's share of the loss, of its gradient and of the report."""

    value: float
    grad: Array
    clipped: int = 0
    kl: float = 0.0


def _forward(index: int, logits: Array, row: Row) -> _Forward:
    targets = np.asarray(row.tokens[1:], dtype=np.int64)
    if logits.ndim != 2 or len(logits) != len(targets):
        raise EngineError(
            f"row {index}: logits of shape {logits.shape} for {len(row.tokens)} tokens",
            "pass one row of logits for each token after the first",
        )
    if targets.min() < 0 or targets.max() >= logits.shape[1]:
        raise EngineError(f"row {index}, field tokens: outside the vocabulary", "check the ids")
    logp = log_softmax(np.asarray(logits, dtype=np.float64))
    weights = np.asarray(row.weights[1:], dtype=np.float64)
    return _Forward(row, logp, targets, weights, logp[np.arange(len(targets)), targets])


def _scales(rows: Sequence[_Forward], reduction: Reduction) -> list[float]:
    """Return what each row's weighted sum is multiplied by."""
    totals = [float(np.abs(row.weights).sum()) for row in rows]
    if reduction == "sum":
        return [1.0] * len(rows)
    if reduction == "tokens":
        return [1.0 / sum(totals)] * len(rows)
    counted = sum(total > 0.0 for total in totals)
    return [1.0 / (counted * total) if total > 0.0 else 0.0 for total in totals]


def _sums(
    rows: Sequence[_Forward], loss: CrossEntropy | PolicyGradient | Distillation
) -> list[_Part]:
    parts = []
    for row, scale in zip(rows, _scales(rows, loss.reduction), strict=True):
        if isinstance(loss, CrossEntropy):
            value = float(-row.weights @ row.lp)
            part = _Part(value, row.pull_back(-row.weights))
        elif isinstance(loss, PolicyGradient):
            part = _policy_gradient(row, loss)
        else:
            part = _distillation(row, loss)
        parts.append(_Part(scale * part.value, scale * part.grad, part.clipped, part.kl))
    return parts


def _policy_gradient(row: _Forward, loss: PolicyGradient) -> _Part:
    weights, advantages = row.weights, row.field(row.row.advantages)
    used = weights != 0.0
    log_ratio = np.where(used, row.lp - row.field(row.row.old_logprobs), 0.0)
    share = weights / max(float(weights.sum()), np.finfo(float).tiny)
    if loss.ratio == "sequence":
        log_ratio = np.full(len(log_ratio), share @ log_ratio)
    ratio = np.exp(log_ratio)
    low = 1.0 - row.field(row.row.clip_low, np.inf)
    high = 1.0 + row.field(row.row.clip_high, np.inf)
    free, bound = ratio * advantages, np.clip(ratio, low, high) * advantages
    cut = used & (bound < free)
    value = float(-weights @ np.where(cut, bound, free))
    slope = np.where(cut, 0.0, -weights * free)
    if loss.ratio == "sequence":
        slope = slope.sum() * share
    kl = 0.0
    if loss.kl > 0.0:
        gap = np.where(used, row.field(row.row.reference_logprobs) - row.lp, 0.0)
        kl = float(weights @ (np.exp(gap) - gap - 1.0))
        slope = slope + loss.kl * weights * (1.0 - np.exp(gap))
    return _Part(value + loss.kl * kl, row.pull_back(slope), int(cut.sum()), kl)


def _preference(rows: Sequence[_Forward], loss: Preference) -> list[_Part]:
    scores = np.array(
        [loss.beta * (r.weights @ (r.lp - r.field(r.row.reference_logprobs))) for r in rows]
    )
    if loss.form == "pairwise":
        losing = _sigmoid(scores[1::2] - scores[0::2])
        values = np.repeat(np.logaddexp(0.0, scores[1::2] - scores[0::2]) / 2.0, 2)
        slopes = np.stack([-losing, losing], axis=1).reshape(-1)
        terms = len(rows) // 2
    else:
        sign = np.array([1.0 if row.row.desirable else -1.0 for row in rows])
        missed = _sigmoid(-sign * (scores - loss.beta * loss.z0))
        values, slopes, terms = missed, -sign * missed * (1.0 - missed), len(rows)
    scale = 1.0 / terms if loss.reduction == "rows" else 1.0
    return [
        _Part(scale * float(value), scale * row.pull_back(slope * loss.beta * row.weights))
        for row, value, slope in zip(rows, values, slopes, strict=True)
    ]


def _distillation(row: _Forward, loss: Distillation) -> _Part:
    value, grad = 0.0, np.zeros_like(row.logp)
    for t in np.flatnonzero(row.weights):
        at, inner = _divergence(row.logp[t], row.row.teacher[t + 1], loss)
        value += float(row.weights[t]) * at
        grad[t] = row.weights[t] * inner
    return _Part(value, grad)


def _divergence(
    logp: Array, top: tuple[tuple[int, float], ...], loss: Distillation
) -> tuple[float, Array]:
    """Return a divergence over the buckets {top tokens, all others} and its slope in the logits."""
    tokens = np.array([token for token, _ in top])
    if tokens.min() < 0 or tokens.max() >= len(logp):
        raise EngineError("a teacher's token is outside the vocabulary", "check the teacher's ids")
    bucket = np.full(len(logp), len(tokens))
    bucket[tokens] = np.arange(len(tokens))
    p_log, q_log = logp[tokens], np.array([logprob for _, logprob in top], dtype=np.float64)
    if len(tokens) < len(logp):
        tail = np.logaddexp.reduce(logp[bucket == len(tokens)])
        p_log = np.append(p_log, tail)
        q_log = np.append(q_log, np.log(max(1.0 - np.exp(q_log).sum(), TAIL_FLOOR)))
    p, q = np.exp(p_log), np.exp(q_log)
    if loss.divergence == "forward_kl":
        value, slope = q @ (q_log - p_log), -q
    elif loss.divergence == "reverse_kl":
        value, slope = p @ (p_log - q_log), p * (p_log - q_log)
    else:
        middle = np.logaddexp(p_log, q_log) - np.log(2.0)
        value = 0.5 * (p @ (p_log - middle) + q @ (q_log - middle))
        slope = 0.5 * p * (p_log - middle)
    within = np.exp(logp - p_log[bucket])
    grad: Array = slope[bucket] * within - slope.sum() * np.exp(logp)
    return float(value), grad


def _sigmoid(x: Array) -> Array:
    result: Array = np.exp(-np.logaddexp(0.0, -x))
    return result


def _report(value: float, rows: Sequence[_Forward], parts: Sequence[_Part]) -> LossReport:
    tokens = sum(int(np.count_nonzero(row.weights)) for row in rows)
    weight = sum(float(np.abs(row.weights).sum()) for row in rows)
    return LossReport(
        loss=value,
        tokens=tokens,
        logprobs=tuple(tuple(np.where(row.weights != 0.0, row.lp, 0.0).tolist()) for row in rows),
        clipped=sum(part.clipped for part in parts) / tokens,
        kl=sum(part.kl for part in parts) / weight,
    )
