"""AdamW (arXiv 1711.05101, algorithm 2, with a constant schedule), its state in plain tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ratchet.core.errors import EngineError
from ratchet.engine.protocol import Optim


@dataclass
class Moments:
    """What AdamW remembers."""

    steps: int = 0
    """Steps taken."""
    first: dict[str, Tensor] = field(default_factory=dict)
    """Decayed mean of the gradient by tensor."""
    second: dict[str, Tensor] = field(default_factory=dict)
    """Decayed mean of its square."""


def step(tensors: Mapping[str, Tensor], moments: Moments, optim: Optim) -> float:
    """Move the tensors by their gradients, clear these, and return their norm before any scaling.

    Raises EngineError if there is no gradient, or one that is not finite: it is then cleared.
    """
    gradients = {name: t.grad for name, t in tensors.items() if t.grad is not None}
    if not gradients:
        raise EngineError("no gradient was gathered", "call forward_backward first")
    for tensor in tensors.values():
        tensor.grad = None
    norm = _norm(gradients)
    if not math.isfinite(norm):
        raise EngineError(
            f"the gradient's norm is {norm}; it was discarded",
            "lower the learning rate, or look at the batch's advantages and ratios",
        )
    scale = optim.max_grad_norm / norm if 0.0 < optim.max_grad_norm < norm else 1.0
    moments.steps += 1
    with torch.no_grad():
        for name, gradient in gradients.items():
            _update(name, tensors[name], gradient * scale, moments, optim)
    return norm


def _update(name: str, tensor: Tensor, gradient: Tensor, moments: Moments, optim: Optim) -> None:
    low, high = optim.betas
    first = moments.first.setdefault(name, torch.zeros_like(tensor))
    second = moments.second.setdefault(name, torch.zeros_like(tensor))
    first.lerp_(gradient, 1.0 - low)
    second.mul_(high).addcmul_(gradient, gradient, value=1.0 - high)
    tensor.mul_(1.0 - optim.lr * optim.weight_decay)
    root = (second.sqrt() / math.sqrt(1.0 - high**moments.steps)).add_(optim.eps)
    tensor.addcdiv_(first, root, value=-optim.lr / (1.0 - low**moments.steps))


def _norm(gradients: Mapping[str, Tensor]) -> float:
    squares = [float(g.detach().double().square().sum()) for g in gradients.values()]
    return math.sqrt(sum(squares))
