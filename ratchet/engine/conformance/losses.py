"""Checks of every loss: its value against the numpy reference, its gradient against its fall.

All losses depend on the policy through a few log-probabilities that ``score`` tells, so the
reference can be computed without the engine's logits: as if the vocabulary were the tokens that
matter and one more for all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import exp, log

import numpy as np

from ratchet.core.errors import EngineError
from ratchet.engine.conformance.bench import Bench, require
from ratchet.engine.losses import (
    Batch,
    CrossEntropy,
    Distillation,
    Loss,
    LossReport,
    PolicyGradient,
    Preference,
    Row,
)
from ratchet.engine.protocol import Scored
from ratchet.engine.reference import Array, loss_and_grad

SLACK = 0.25
"""Share by which curvature and rounding may bend the predicted fall of a loss."""


def unsupported_losses_are_refused(bench: Bench) -> None:
    """A loss with a reason against it is refused with that reason."""
    name = bench.policy()
    for loss, rows in _cases(bench, name):
        reason = bench.engine.supports(loss)
        if reason is None:
            continue
        try:
            bench.engine.forward_backward(name, Batch(tuple(rows)), loss)
        except EngineError as error:
            require(reason in str(error), f"{loss}: refused without the reason that supports gives")
        else:
            require(False, f"{loss}: computed though supports says {reason!r}")


def losses_equal_the_reference(bench: Bench) -> None:
    """Loss, clipped share and KL are those of ``ratchet.engine.reference``."""
    name = bench.policy()
    for loss, rows in _supported(bench, name):
        batch = Batch(tuple(rows))
        report = bench.engine.forward_backward(bench.policy(), batch, loss)
        scored = bench.engine.score(name, [row.tokens for row in rows], topk=2)
        wanted = _reference(batch, scored, loss)
        for field in ("loss", "clipped", "kl"):
            got, want = getattr(report, field), getattr(wanted, field)
            close = abs(got - want) <= 10.0 * bench.tolerance * max(1.0, abs(want))
            require(close, f"{loss}: {field} is {got:.8g}, the reference says {want:.8g}")


def gradients_lower_their_loss(bench: Bench) -> None:
    """A small step down the gradient lowers the loss by the step times the squared norm."""
    name = bench.policy()
    fall = min(100.0 * bench.tolerance, 0.02)
    for loss, rows in _supported(bench, name):
        batch = Batch(tuple(rows))
        before = bench.engine.forward_backward(bench.policy(), batch, loss).loss
        moved, norm = bench.nudge(rows, loss, fall)
        require(norm > 0.0, f"{loss}: the gradient is 0")
        fell = before - bench.engine.forward_backward(moved, batch, loss).loss
        close = abs(fell - fall) <= SLACK * fall
        require(close, f"{loss}: fell by {fell:.4g}, its gradient promises {fall:.4g}")


def _supported(bench: Bench, name: str) -> Iterator[tuple[Loss, list[Row]]]:
    return (case for case in _cases(bench, name) if bench.engine.supports(case[0]) is None)


def _cases(bench: Bench, name: str) -> Iterator[tuple[Loss, list[Row]]]:
    """Yield every loss with rows whose numbers lie away from the corners of its formula."""
    rows = bench.lines(name)
    rows = rows[: len(rows) // 2 * 2]
    scored = bench.engine.score(name, [row.tokens for row in rows], topk=2)
    filled = [_fill(i, row, one) for i, (row, one) in enumerate(zip(rows, scored, strict=True))]
    negative = replace(rows[0], weights=tuple(-0.5 * weight for weight in rows[0].weights))
    yield CrossEntropy("rows"), rows
    yield CrossEntropy("sum"), [negative, *rows[1:]]
    yield PolicyGradient(), filled
    yield PolicyGradient(kl=0.5, reduction="rows"), filled
    yield PolicyGradient("sequence", reduction="rows"), filled
    yield PolicyGradient("sequence", kl=0.5), filled
    yield Preference("pairwise", beta=0.5), filled
    yield Preference("kto", beta=0.5, z0=0.1), filled
    yield Distillation("forward_kl"), filled
    yield Distillation("reverse_kl", reduction="rows"), filled
    yield Distillation("jensen_shannon", reduction="sum"), filled


def _fill(index: int, row: Row, scored: Scored) -> Row:
    """Give a row every field: ratios inside, and now and then beyond, their bounds."""
    lps = (0.0, *scored.logprobs)
    size, sign = len(lps), 1.0 if index % 2 == 0 else -1.0
    shifts = (0.1, -0.5, -0.1)
    return replace(
        row,
        weights=tuple(weight * (1.0 + 0.5 * index) for weight in row.weights),
        advantages=tuple(sign * (1.0 + 0.1 * t) for t in range(size)),
        old_logprobs=tuple(lp + shifts[t % 3] for t, lp in enumerate(lps)),
        clip_low=(0.2,) * size,
        clip_high=(0.3,) * size,
        reference_logprobs=tuple(lp - sign * 0.3 for lp in lps),
        desirable=sign > 0.0,
        teacher=(
            (),
            *(
                _teacher(t, top) if weight else ()
                for t, (weight, top) in enumerate(zip(row.weights[1:], scored.top, strict=True))
            ),
        ),
    )


def _teacher(at: int, top: Sequence[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """Return a teacher that likes the policy's second token best, or names the first alone."""
    shares = (0.3, 0.5) if at % 2 else (0.4,)
    return tuple((token, log(p)) for (token, _), p in zip(top, shares, strict=False))


def _reference(batch: Batch, scored: Sequence[Scored], loss: Loss) -> LossReport:
    """Compute the loss from scores alone, over {the tokens that matter, all others}."""
    logits, rows = [], []
    for row, one in zip(batch.rows, scored, strict=True):
        taught = isinstance(loss, Distillation)
        tops = one.top if taught else ((),) * len(one.logprobs)
        known = [
            dict(top) if top else {token: lp}
            for token, lp, top in zip(row.tokens[1:], one.logprobs, tops, strict=True)
        ]
        width = 1 + max(map(len, known))
        logits.append(np.stack([_with_rest(list(lps.values()), width) for lps in known]))
        places = [{token: at for at, token in enumerate(lps)} for lps in known]
        tokens = [
            at.get(token, width - 1) for token, at in zip(row.tokens[1:], places, strict=True)
        ]
        teacher = [
            tuple((at[token], lp) for token, lp in top) if weight and taught else ()
            for weight, top, at in zip(row.weights[1:], row.teacher[1:], places, strict=False)
        ]
        rows.append(replace(row, tokens=(0, *tokens), teacher=((), *teacher) if taught else ()))
    return loss_and_grad(logits, Batch(tuple(rows)), loss)[0]


def _with_rest(lps: list[float], width: int) -> Array:
    """Return log-probabilities padded by impossible tokens and ended by all that is left."""
    rest = max(1.0 - sum(exp(lp) for lp in lps), 1e-300)
    padding = [-690.0] * (width - 1 - len(lps))
    return np.array([*lps, *padding, log(rest)])


CHECKS: tuple[Callable[[Bench], None], ...] = (
    unsupported_losses_are_refused,
    losses_equal_the_reference,
    gradients_lower_their_loss,
)
