"""Making low-rank additions: one for every linear layer inside the blocks of a base."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ratchet.engine.local.base import Network
from ratchet.engine.local.linear import LowRank, adaptable
from ratchet.engine.protocol import Adapter


def create_adapter(network: Network, kind: Adapter, seed: int) -> dict[str, LowRank]:
    """Return fresh additions: A uniform within 1/sqrt(in), B zero, so that they change nothing.

    They are float32 whatever the base is. The draw is a function of the seed alone.
    """
    generator = torch.Generator().manual_seed(seed)
    device = network.head.weight.device
    made = {}
    for name, (out, into) in adaptable(network.model).items():
        down = torch.rand(kind.rank, into, generator=generator) * 2.0 - 1.0
        down = (down / math.sqrt(into)).to(device)
        up = torch.zeros(out, kind.rank, device=device)
        made[name] = LowRank(down, up, kind.alpha / kind.rank)
    return made


def tensors_of(additions: dict[str, LowRank]) -> dict[str, Tensor]:
    """Return the tensors of additions by stable names."""
    named = {}
    for name, addition in additions.items():
        named[f"{name}.down"] = addition.down
        named[f"{name}.up"] = addition.up
    return named


def copy_adapter(additions: dict[str, LowRank]) -> dict[str, LowRank]:
    """Return an independent copy without gradients."""
    return {
        name: LowRank(a.down.detach().clone(), a.up.detach().clone(), a.scale)
        for name, a in additions.items()
    }


def merge_adapter(
    network: Network, additions: dict[str, LowRank], into: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Return the adapted weight of every layer by its name, written over ``into`` where it fits."""
    merged = {}
    with torch.no_grad():
        for name, addition in additions.items():
            weight = network.model.get_submodule(name).weight
            home = into[name] if name in into else torch.empty_like(weight)
            up, down = addition.up.to(weight.dtype), addition.down.to(weight.dtype)
            merged[name] = torch.addmm(weight, up, down, alpha=addition.scale, out=home)
    return merged
