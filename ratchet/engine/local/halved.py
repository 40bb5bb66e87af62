"""A network for sampling alone, its products in bfloat16: twice the arithmetic in a second.

Copies of the weights inside the blocks, half as large, are rounded to bfloat16, and so are inputs
and outputs of their products. Serving sampling alone, they are laid out for its products, as is a
copy of the head. Additions, attention, normalisation, the head and the sum from layer to layer stay
in float32. What is drawn differs from the exact network by that rounding; the log-probabilities
that sampling reports are those of the distribution drawn from, so that a loss with ratios corrects
for it.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from ratchet.engine.local.linear import pack_weight
from ratchet.engine.local.network import Block, Network, Product


def halve(network: Network) -> Network:
    """Return a network that reads rounded weights; all else is shared."""
    with torch.no_grad():
        blocks = tuple(_halve_block(block) for block in network.blocks)
        return replace(network, blocks=blocks, head=pack_weight(network.head.contiguous()))


def is_fast() -> bool:
    """Return whether this processor multiplies in bfloat16 by itself."""
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in asked)


def _halve_block(block: Block) -> Block:
    return replace(
        block,
        qkv=_halve_product(block.qkv),
        out=_halve_product(block.out),
        gate_up=_halve_product(block.gate_up),
        down=_halve_product(block.down),
    )


def _halve_product(product: Product) -> Product:
    return Product(product.names, pack_weight(product.weight.bfloat16()), (), product.bias)
