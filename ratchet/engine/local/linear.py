"""The linear layer of the local engine: fast on any CPU, with a switchable low-rank addition.

Every linear layer of a loaded model is replaced by ``Linear``. It keeps the parameter names of
``torch.nn.Linear``, so state dictionaries stay those of the Hugging Face model.

On a CPU in float32 products go through oneDNN in plain float32: MKL, which ``torch.matmul`` uses,
runs at less than half that speed on AMD processors. The rounding is that of float32 either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


@dataclass(frozen=True)
class LowRank:
    """An addition to one weight: scale * up @ down (LoRA, arXiv 2106.09685, section 4.1)."""

    down: Tensor
    """A, of shape [rank, in]."""
    up: Tensor
    """B, of shape [out, rank]; zeros to start with."""
    scale: float
    """alpha / rank."""


@dataclass
class Switch:
    """Says which additions are in force in one model."""

    active: Mapping[str, LowRank | Tensor] = field(default_factory=dict)
    """By name of the layer its addition, or a weight to use instead; other layers are plain."""


class Linear(nn.Module):
    """``torch.nn.Linear`` plus the addition that the switch holds for it."""

    def __init__(self, layer: nn.Linear, name: str, switch: Switch) -> None:
        super().__init__()
        self.weight = layer.weight
        self.bias = layer.bias
        self.name = name
        self.switch = switch

    def forward(self, x: Tensor) -> Tensor:
        """Return x @ weight.T + bias, plus the addition or with the other weight."""
        addition = self.switch.active.get(self.name)
        if isinstance(addition, Tensor):
            return linear(x, addition, self.bias)
        result = linear(x, self.weight, self.bias)
        if addition is None:
            return result
        inner = linear(x, addition.down.to(x.dtype)) * addition.scale
        return result + linear(inner, addition.up.to(x.dtype))


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x @ weight.T + bias."""
    if _plain_float(x) and _plain_float(weight) and not torch.is_autocast_enabled("cpu"):
        result: Tensor = _OneDnn.apply(x, weight, bias)  # type: ignore[no-untyped-call]
        return result
    return nn.functional.linear(x, weight, bias)


def install(model: nn.Module) -> Switch:
    """Replace every linear layer inside a model's blocks and return the switch of them all.

    The input and output embeddings stay as they are: they are never adapted.
    """
    switch = Switch()
    head = model.get_output_embeddings()  # type: ignore[operator]
    for name, layer in list(model.named_modules()):
        if type(layer) is nn.Linear and layer is not head:
            parent, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(parent), leaf, Linear(layer, name, switch))
    return switch


def adaptable(model: nn.Module) -> dict[str, tuple[int, int]]:
    """Return (out, in) of every layer that can be adapted, by name, in the order of the model."""
    return {
        name: (layer.weight.shape[0], layer.weight.shape[1])
        for name, layer in model.named_modules()
        if isinstance(layer, Linear)
    }


def _has_onednn() -> bool:
    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(there) and hasattr(torch.ops.mkldnn, "_linear_pointwise")


_ONEDNN = _has_onednn()


def _plain_float(x: Tensor) -> bool:
    return _ONEDNN and x.device.type == "cpu" and x.dtype == torch.float32 and x.numel() > 0


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
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
