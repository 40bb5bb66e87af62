"""The small operations between a transformer's products, each with a backward that keeps little.

Composed of torch's own operations they would keep three to five tensors a call for the backward
pass; here each keeps its input.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def normalise(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Return x over its root mean square, times a weight (arXiv 1910.07467, equation 4)."""
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        result: Tensor = _Normalise.apply(x, weight, eps)  # type: ignore[no-untyped-call]
        return result
    return _normalised(x, weight, eps)


def gate(x: Tensor) -> Tensor:
    """Return silu(first half) * second half of the last dimension (SwiGLU, arXiv 2002.05202)."""
    if torch.is_grad_enabled() and x.requires_grad:
        result: Tensor = _Gate.apply(x)  # type: ignore[no-untyped-call]
        return result
    left, right = x.chunk(2, dim=-1)
    return nn.functional.silu(left).mul_(right)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return x turned by its position (RoPE, arXiv 2104.09864), halves paired as in Llama.

    ``x`` [tokens, heads, width]; ``cos`` and ``sin`` [tokens, 1, width], the first half of ``sin``
    negated.
    """
    half = x.shape[-1] // 2
    return torch.addcmul(x * cos, torch.roll(x, half, dims=-1), sin)


def _normalised(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    if x.device.type != "cpu" or x.dtype != torch.float32:
        return nn.functional.rms_norm(x, weight.shape, weight.to(x.dtype), eps)
    # On a CPU torch has no kernel for this and composes it of six passes; these are three.
    norm: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return (x * norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_()).mul_(weight)


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.eps = eps
        return _normalised(x, weight, eps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        wide = x.float()
        root = (wide.square().mean(-1, keepdim=True) + ctx.eps).rsqrt()
        unit = wide * root
        grad_x = grad_weight = None
        if ctx.needs_input_grad[1]:
            grad_weight = (slope.float() * unit).reshape(-1, len(weight)).sum(0).to(weight.dtype)
        if ctx.needs_input_grad[0]:
            pull = slope.float() * weight
            shared = (pull * unit).mean(-1, keepdim=True)
            grad_x = ((pull - unit * shared) * root).to(x.dtype)
        return grad_x, grad_weight, None


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        left, right = x.chunk(2, dim=-1)
        return nn.functional.silu(left) * right

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        left, right = x.chunk(2, dim=-1)
        open_share = left.sigmoid()
        lit = left * open_share
        grad_left = slope * right * (open_share + lit * (1.0 - open_share))
        return torch.cat([grad_left, slope * lit], dim=-1)
