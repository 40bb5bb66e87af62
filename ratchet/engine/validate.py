"""What every engine asks of a batch, a loss and sampling settings before it computes anything.

The checks need no model. Whether a token belongs to a vocabulary is each engine's own affair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ratchet.core.errors import EngineError
from ratchet.engine.losses import (
    Batch,
    CrossEntropy,
    Distillation,
    Loss,
    PolicyGradient,
    Preference,
    Row,
)
from ratchet.engine.protocol import Sampling

MASS_TOLERANCE = 1e-4
"""How far a teacher's top probabilities may sum above 1 through rounding."""


def check_batch(batch: Batch, loss: Loss) -> None:
    """Raise EngineError, naming row and field, unless this loss can be computed on this batch.

    Numbers are looked at only where they matter: at positions after the first with a weight
    other than 0.
    """
    _check_loss(loss)
    if not batch.rows:
        raise EngineError("the batch has no rows", "leave the step out when nothing is to learn")
    for index, row in enumerate(batch.rows):
        _check_row(index, row, loss)
    if not any(any(row.weights[1:]) for row in batch.rows):
        raise EngineError(
            "no position of the batch has a weight",
            "leave the step out, or give policy tokens a weight other than 0",
        )
    if isinstance(loss, Preference) and loss.form == "pairwise":
        _check_pairs(batch)


def check_sampling(sampling: Sampling, prompts: int) -> None:
    """Raise EngineError on settings outside their ranges, for this many prompts."""
    limits = sampling.limits
    wrong = {
        "max_tokens": sampling.max_tokens < 1,
        "n": sampling.n < 1,
        "temperature": not 0.0 <= sampling.temperature < math.inf,
        "top_p": not 0.0 < sampling.top_p <= 1.0,
        "top_k": sampling.top_k < 0,
        "stop": any(not text for text in sampling.stop),
        "limits": any(not 1 <= limit <= sampling.max_tokens for limit in limits)
        or len(limits) not in (0, prompts),
    }
    for name, bad in wrong.items():
        if bad:
            raise EngineError(
                f"sampling.{name} = {getattr(sampling, name)!r} is out of range",
                "see the field's text in ratchet.engine.protocol.Sampling",
            )


def _check_loss(loss: Loss) -> None:
    if isinstance(loss, PolicyGradient) and not 0.0 <= loss.kl < math.inf:
        raise EngineError(f"kl = {loss.kl} is not a weight", "use a finite kl of 0 or more")
    if isinstance(loss, Preference) and not 0.0 < loss.beta < math.inf:
        raise EngineError(f"beta = {loss.beta} is out of range", "use a finite beta above 0")
    if isinstance(loss, Preference) and not 0.0 <= loss.z0 < math.inf:
        raise EngineError(f"z0 = {loss.z0} is out of range", "use a finite z0 of 0 or more")


def _check_row(index: int, row: Row, loss: Loss) -> None:
    if len(row.tokens) < 2:
        raise _wrong(index, "tokens", "has fewer than 2 tokens, so nothing is predicted")
    _check_numbers(index, "weights", row.weights, row, everywhere=True)
    if not isinstance(loss, CrossEntropy) and any(weight < 0.0 for weight in row.weights[1:]):
        raise _wrong(index, "weights", "has a negative weight, which only CrossEntropy takes")
    if isinstance(loss, PolicyGradient):
        _check_numbers(index, "advantages", row.advantages, row)
        _check_numbers(index, "old_logprobs", row.old_logprobs, row)
        for name, bounds in (("clip_low", row.clip_low), ("clip_high", row.clip_high)):
            if bounds:
                _check_numbers(index, name, bounds, row)
                if any(bounds[t] < 0.0 for t in trained(row)):
                    raise _wrong(index, name, "has a negative bound")
    if isinstance(loss, Preference) or (isinstance(loss, PolicyGradient) and loss.kl > 0.0):
        _check_numbers(index, "reference_logprobs", row.reference_logprobs, row)
    if isinstance(loss, Distillation):
        _check_teacher(index, row)


def trained(row: Row) -> list[int]:
    """Return the positions of a row that are trained: after the first, weight other than 0."""
    return [t for t in range(1, len(row.tokens)) if row.weights[t] != 0.0]


def _check_numbers(
    index: int, name: str, values: Sequence[float], row: Row, everywhere: bool = False
) -> None:
    if not values:
        raise _wrong(index, name, "is missing")
    if len(values) != len(row.tokens):
        raise _wrong(index, name, f"has {len(values)} entries for {len(row.tokens)} tokens")
    for t in range(len(values)) if everywhere else trained(row):
        if not math.isfinite(values[t]):
            raise _wrong(index, name, f"is {values[t]} at position {t}")


def _check_teacher(index: int, row: Row) -> None:
    if not row.teacher:
        raise _wrong(index, "teacher", "is missing")
    if len(row.teacher) != len(row.tokens):
        raise _wrong(index, "teacher", f"has {len(row.teacher)} entries for {len(row.tokens)}")
    for t in trained(row):
        top = row.teacher[t]
        if not top:
            raise _wrong(index, "teacher", f"is empty at position {t}, which has a weight")
        if len({token for token, _ in top}) != len(top):
            raise _wrong(index, "teacher", f"names a token twice at position {t}")
        if not all(math.isfinite(logprob) for _, logprob in top):
            raise _wrong(index, "teacher", f"has a number that is not finite at position {t}")
        if sum(math.exp(min(logprob, 1.0)) for _, logprob in top) > 1.0 + MASS_TOLERANCE:
            raise _wrong(index, "teacher", f"has probabilities that sum above 1 at position {t}")


def _check_pairs(batch: Batch) -> None:
    if len(batch.rows) % 2:
        raise EngineError(
            f"the pairwise loss needs pairs, and the batch has {len(batch.rows)} rows",
            "put each preferred row directly before the row it is preferred to",
        )
    for index in range(0, len(batch.rows), 2):
        if not batch.rows[index].desirable and batch.rows[index + 1].desirable:
            raise _wrong(index, "desirable", "says that the second row of the pair is the better")


def _wrong(index: int, name: str, what: str) -> EngineError:
    return EngineError(
        f"row {index}, field {name}: {what}", "see ratchet.engine.losses.Row for what it must hold"
    )
