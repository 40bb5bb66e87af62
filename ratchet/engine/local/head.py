"""From hidden states to one number a position, without ever holding the logits of many positions.

Logits are computed for one chunk of positions at a time. What a loss needs of a position (a
log-probability, a divergence) is a function of that position's logits alone, so its slope in the
hidden state is found in the same pass and kept instead of the logits: a row of the model's width.
That of a log-probability has a closed form, one at the token less the distribution, and is written
over the logits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ratchet.engine.local.linear import linear

CHUNK = 128
"""Most positions whose logits exist at once."""

Measure = Callable[[Tensor, slice], tuple[Tensor, Tensor, Tensor]]
"""(logits [positions, vocabulary], which positions) -> (value to train on [positions],
log-probability [positions], slope of the value in the logits). It may write over the logits."""


def measure_positions(hidden: Tensor, weight: Tensor, measure: Measure) -> tuple[Tensor, Tensor]:
    """Return (values, log-probabilities), both [positions]; the values carry the gradient.

    ``hidden`` [positions, width]. The weight gets a gradient if it asks for one.
    """
    found = _Positions.apply(hidden, weight, measure)  # type: ignore[no-untyped-call]
    result: tuple[Tensor, Tensor] = found
    return result


def likelihood(tokens: Sequence[int]) -> Measure:
    """Return the measure that is the log-probability of each position's token."""

    def measure(logits: Tensor, part: slice) -> tuple[Tensor, Tensor, Tensor]:
        rows = torch.arange(len(logits), device=logits.device)
        index = torch.tensor(tokens[part], device=logits.device)
        top = logits.amax(dim=1)
        given = logits[rows, index] - top
        slope = logits.sub_(top[:, None]).exp_()
        total = slope.sum(dim=1)
        slope.mul_(-1.0 / total[:, None])
        slope[rows, index] += 1.0
        logprobs = given - total.log()
        return logprobs, logprobs, slope

    return measure


def chunks(count: int) -> list[slice]:
    """Return slices of at most ``CHUNK`` that cover ``count`` positions in order."""
    return [slice(at, min(at + CHUNK, count)) for at in range(0, count, CHUNK)]


def logits_of(hidden: Tensor, weight: Tensor) -> Tensor:
    """Return logits in float32."""
    return linear(hidden, weight).float()


class _Positions(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, measure: Measure
    ) -> tuple[Tensor, Tensor]:
        values, logprobs, slopes = [], [], []
        for part in chunks(len(hidden)):
            value, logprob, slope = measure(logits_of(hidden[part], weight), part)
            slopes.append(linear(slope.to(hidden.dtype), weight.t()))
            values.append(value)
            logprobs.append(logprob)
        ctx.measure = measure
        ctx.save_for_backward(hidden, weight, torch.cat(slopes))
        found = torch.cat(logprobs)
        ctx.mark_non_differentiable(found)
        return torch.cat(values), found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor, _: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        hidden, weight, slopes = ctx.saved_tensors
        grad_hidden = slopes * slope[:, None].to(slopes.dtype) if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return grad_hidden, None, None
        grad_weight = torch.zeros_like(weight)
        for part in chunks(len(hidden)):
            inner = ctx.measure(logits_of(hidden[part], weight), part)[2]
            inner = inner.mul_(slope[part, None]).to(hidden.dtype)
            grad_weight += linear(inner.t(), hidden[part].t())
        return grad_hidden, grad_weight, None
