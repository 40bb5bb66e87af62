"""Low-rank additions: one for every linear layer inside the blocks of a base."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ratchet.engine.local.linear import Addition
from ratchet.engine.protocol import Adapter


@dataclass(frozen=True)
class LowRank:
    """An addition to one layer's weight: scale * up @ down (LoRA, arXiv 2106.09685, 4.1)."""

    down: Tensor
    """A, of shape [rank, in]."""
    up: Tensor
    """B, of shape [out, rank]; zeros to start with."""
    scale: float
    """alpha / rank."""


def create_adapter(
    layers: Mapping[str, tuple[int, int]], kind: Adapter, seed: int, device: torch.device
) -> dict[str, LowRank]:
    """Return fresh additions: A uniform within 1/sqrt(in), B zero, so that they change nothing.

    ``layers`` holds (out, in) by name. Additions are float32 whatever the base is. The draw is a
    function of the seed alone.
    """
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for name, (out, into) in layers.items():
        down = torch.rand(kind.rank, into, generator=generator) * 2.0 - 1.0
        down = (down / math.sqrt(into)).to(device)
        up = torch.zeros(out, kind.rank, device=device)
        made[name] = LowRank(down, up, kind.alpha / kind.rank)
    return made


def tensors_of(additions: Mapping[str, LowRank]) -> dict[str, Tensor]:
    """Return the tensors of additions by stable names."""
    named = {}
    for name, addition in additions.items():
        named[f"{name}.down"] = addition.down
        named[f"{name}.up"] = addition.up
    return named


def copy_adapter(additions: Mapping[str, LowRank]) -> dict[str, LowRank]:
    """Return an independent copy without gradients."""
    return {
        name: LowRank(a.down.detach().clone(), a.up.detach().clone(), a.scale)
        for name, a in additions.items()
    }


def merge_adapter(
    weights: Mapping[str, Tensor], additions: Mapping[str, LowRank]
) -> dict[str, Tensor]:
    """Return the adapted weight of every layer by its name, given the frozen ones by theirs."""
    with torch.no_grad():
        return {
            name: weights[f"{name}.weight"].float() + a.scale * (a.up @ a.down)
            for name, a in additions.items()
        }


def fuse(
    additions: Mapping[str, LowRank], groups: Sequence[Sequence[str]], train: bool
) -> dict[str, Addition]:
    """Return one addition for each product, by the name of its first layer.

    A product of several layers has their A's one below the other and their B's along a diagonal.
    The result is detached: after a backward pass ``hand_back`` gives the gradients to their owners.
    """
    found = {}
    with torch.no_grad():
        for names in groups:
            parts = [additions[name] for name in names]
            down = torch.cat([part.down for part in parts])
            ups = [part.scale * part.up for part in parts]
            up = torch.block_diag(*ups)  # type: ignore[no-untyped-call]
            found[names[0]] = Addition(down.requires_grad_(train), up.requires_grad_(train))
    return found


def hand_back(
    fused: Mapping[str, Addition],
    additions: Mapping[str, LowRank],
    groups: Sequence[Sequence[str]],
) -> None:
    """Add the gradients that fused additions gathered to those of the layers' own tensors."""
    for names in groups:
        whole = fused[names[0]]
        if whole.down.grad is None or whole.up.grad is None:
            continue
        row = column = 0
        for name in names:
            part = additions[name]
            rank, out = len(part.down), len(part.up)
            _gather(part.down, whole.down.grad[row : row + rank])
            block = whole.up.grad[column : column + out, row : row + rank]
            _gather(part.up, part.scale * block)
            row, column = row + rank, column + out


def _gather(tensor: Tensor, gradient: Tensor) -> None:
    tensor.grad = gradient.clone() if tensor.grad is None else tensor.grad + gradient
