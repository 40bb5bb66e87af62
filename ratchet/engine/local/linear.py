"""Products with weights, fast on any CPU, with an optional low-rank addition in the same pass.

On a CPU in float32 products go through oneDNN in plain float32: MKL, which ``torch.matmul`` uses,
runs at less than half that speed on AMD processors. The rounding is that of float32 either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

PACKED_ROWS = 128
"""Rows of a product that packed weights are laid out for; any other number works too."""


@dataclass(frozen=True)
class Addition:
    """What is added to one weight: up @ down, the scale already in ``up``."""

    down: Tensor
    """[rank, in]."""
    up: Tensor
    """[out, rank]."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x @ weight.T + bias; the weight takes the type of ``x``.

    Without gradient, a weight in bfloat16 is multiplied so on a CPU; the result is as ``x``.
    """
    if _rounded(x, weight):
        found = _product(x.bfloat16(), weight).float()
        return found if bias is None else found.add_(bias)
    weight = weight.to(x.dtype)
    bias = bias if bias is None else bias.to(x.dtype)
    if _plain_float(x):
        if not torch.is_grad_enabled():
            return _product(x, weight, bias)
        result: Tensor = _OneDnn.apply(x, weight, bias)  # type: ignore[no-untyped-call]
        return result
    return nn.functional.linear(x, weight, bias)


def adapted(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    addition: Addition,
    back: Tensor | None = None,
) -> Tensor:
    """Return x @ (weight + up @ down).T + bias for a frozen weight, without ever merging them.

    Gradients reach ``x`` and the addition's two tensors alone. A weight in bfloat16 that gradients
    pass comes with ``back``, itself transposed, since both may be packed.
    """
    down, up = addition.down.to(x.dtype), addition.up.to(x.dtype)
    if _plain_float(x):
        if not torch.is_grad_enabled():
            return _product_onto(linear(x, weight, bias), _product(x, down), up)
        found = _Adapted.apply(x, weight, bias, down, up, back)  # type: ignore[no-untyped-call]
        result: Tensor = found
        return result
    return linear(x, weight, bias) + nn.functional.linear(nn.functional.linear(x, down), up)


def products(x: Tensor, weights: Tensor) -> Sequence[Tensor]:
    """Return x[i] @ weights[i].T for each i, given [n, rows, in] and [n, out, in]."""
    if _plain_float(x) and not torch.is_grad_enabled():
        return [_product(*pair, None) for pair in zip(x, weights, strict=True)]
    return torch.bmm(x, weights.transpose(1, 2)).unbind()


def pack_weight(weight: Tensor) -> Tensor:
    """Return a copy of a weight laid out as products on a CPU read it; for products alone.

    Few rows gain most: a product otherwise lays the weight out anew each time.
    """
    if not _ONEDNN or weight.device.type != "cpu":
        return weight
    found: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, PACKED_ROWS)
    return found


def _has_onednn() -> bool:
    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(there) and hasattr(torch.ops.mkldnn, "_linear_pointwise")


_ONEDNN = _has_onednn()


def _plain_float(x: Tensor) -> bool:
    return _ONEDNN and x.device.type == "cpu" and x.dtype == torch.float32 and x.numel() > 0


def _rounded(x: Tensor, weight: Tensor) -> bool:
    narrow = weight.dtype == torch.bfloat16 and not torch.is_grad_enabled()
    return narrow and _plain_float(x)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return result


def _product_onto(there: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Return there + x @ weight.T in one pass."""
    result: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, there, weight, None, "add")
    return result


class _OneDnn(torch.autograd.Function):
    """x @ weight.T + bias with its gradients, each a oneDNN product."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        need_x, need_weight, need_bias = ctx.needs_input_grad
        flat = slope.reshape(-1, slope.shape[-1])
        grad_x = _product(slope, weight.t()) if need_x else None
        grad_weight = None
        if need_weight:
            grad_weight = _product(flat.t(), x.reshape(-1, x.shape[-1]).t())
        return grad_x, grad_weight, flat.sum(0) if need_bias else None


class _Adapted(torch.autograd.Function):
    """A frozen product with its low-rank addition; ``x`` [rows, in]."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        down: Tensor,
        up: Tensor,
        back: Tensor | None,
    ) -> Tensor:
        inner = _product(x, down)
        ctx.save_for_backward(x, inner, down, up)
        ctx.back = weight.t() if back is None else back
        return _product_onto(linear(x, weight, bias), inner, up)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, slope: Tensor
    ) -> tuple[Tensor | None, None, None, Tensor | None, Tensor | None, None]:
        x, inner, down, up = ctx.saved_tensors
        grad_inner = _product(slope, up.t())
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = _product_onto(linear(slope, ctx.back), grad_inner, down.t())
        grad_down = grad_up = None
        if ctx.needs_input_grad[3]:
            grad_down = _product(grad_inner.t(), x.t())
            grad_up = _product(inner.t(), slope.t()).t()  # the larger of the two is not copied
        return grad_x, None, None, grad_down, grad_up, None
