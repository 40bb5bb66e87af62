"""The closed set of losses, and the batch they are computed on. Data only: engines compute.

Notation: a row has tokens x_0..x_T; position t >= 1 is trained with weight w_t (0 on prompt and
tool tokens); lp_t is the log-probability under the policy being trained, at temperature 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Reduction = Literal["tokens", "rows", "sum"]
"""``tokens``: sum of w*loss over all rows / sum of |w|. ``rows``: each row's weighted mean, then
the mean over rows (or pairs) that have a weight. ``sum``: no division. Denominators are those of
the whole batch, however it is split."""


@dataclass(frozen=True)
class Row:
    """One sequence with what the losses need; per-token tuples are as long as ``tokens``."""

    tokens: tuple[int, ...]
    """Prompt, then everything after it."""
    weights: tuple[float, ...]
    """w_t; the first entry is ignored, since nothing predicts the first token."""
    advantages: tuple[float, ...] = ()
    """Policy gradient: A_t."""
    old_logprobs: tuple[float, ...] = ()
    """Policy gradient: lp_t when sampled; anything where w_t is 0."""
    clip_low: tuple[float, ...] = ()
    """Policy gradient: the ratio's lower bound is 1 - clip_low_t."""
    clip_high: tuple[float, ...] = ()
    """Policy gradient: the ratio's upper bound is 1 + clip_high_t."""
    reference_logprobs: tuple[float, ...] = ()
    """KL term and preference: lp_t under a frozen reference."""
    desirable: bool = True
    """Preference: the better of its pair, or desirable by itself."""
    teacher: tuple[tuple[tuple[int, float], ...], ...] = ()
    """Distillation: the teacher's top (token, logprob) by position; empty where w_t is 0."""


@dataclass(frozen=True)
class Batch:
    """Rows that share one denominator."""

    rows: tuple[Row, ...]
    """For the pairwise loss, row 2i is preferred to row 2i + 1."""


@dataclass(frozen=True)
class CrossEntropy:
    """-sum_t w_t * lp_t. Weights may be negative, which pushes tokens down."""

    reduction: Reduction = "tokens"


@dataclass(frozen=True)
class PolicyGradient:
    """Clipped policy gradient (PPO, arXiv 1707.06347 eq. 7), with bounds per token.

    With rho_t = exp(lp_t - old_t):
    -w_t * min(rho_t * A_t, clip(rho_t, 1 - low_t, 1 + high_t) * A_t)
    + kl * w_t * (exp(ref_t - lp_t) - (ref_t - lp_t) - 1), the k3 estimate of KL to the reference.
    """

    ratio: Literal["token", "sequence"] = "token"
    """``sequence``: a row's rho is exp of its weighted mean log-ratio (GSPO, arXiv 2507.18071)."""
    kl: float = 0.0
    """Weight of the KL term; needs ``reference_logprobs``."""
    reduction: Reduction = "tokens"


@dataclass(frozen=True)
class Preference:
    """Preferences against a reference: s = beta * sum_t w_t * (lp_t - ref_t) for each row.

    ``pairwise``: -log sigmoid(s_better - s_worse) (DPO, arXiv 2305.18290 eq. 7). ``kto``: 1 -
    sigmoid(s - beta*z0) if desirable, else 1 - sigmoid(beta*z0 - s) (arXiv 2402.01306 eq. 8).
    """

    form: Literal["pairwise", "kto"] = "pairwise"
    beta: float = 0.1
    """Inverse temperature of the implied reward."""
    z0: float = 0.0
    """KTO's reference point: the batch's mean log-ratio, at least 0, estimated by the caller."""
    reduction: Literal["rows", "sum"] = "rows"


@dataclass(frozen=True)
class Distillation:
    """Divergence to a teacher's top tokens plus one bucket for all others, position by position."""

    divergence: Literal["forward_kl", "reverse_kl", "jensen_shannon"] = "reverse_kl"
    """forward: KL(teacher || policy); reverse: KL(policy || teacher); else their equal mixture."""
    reduction: Reduction = "tokens"


Loss = CrossEntropy | PolicyGradient | Preference | Distillation
"""Every loss there is. An engine that cannot compute one exactly says so by ``supports``."""


@dataclass(frozen=True)
class LossReport:
    """What a loss came to."""

    loss: float
    """The reduced loss."""
    tokens: int
    """Positions with a weight other than 0."""
    logprobs: tuple[tuple[float, ...], ...] = field(repr=False, default=())
    """For each row, lp_t of every token after the first where w_t is not 0, else 0."""
    clipped: float = 0.0
    """Share of trained positions where clipping removed the gradient."""
    kl: float = 0.0
    """Weighted mean of the KL estimate; 0 unless computed."""
