"""Networks whose products are in bfloat16: twice the arithmetic in a second, for adapters alone.

Copies of the weights inside the blocks, half as large, are rounded to bfloat16 and laid out for
their products; inputs and outputs of these products are rounded too, and so are the slopes that
pass them on the way back. An adapter's own products, attention, normalisation, the head and the sum
from layer to layer stay in float32. What is drawn differs from the exact network by that rounding;
the log-probabilities that sampling reports are those of the distribution drawn from, so that a loss
with ratios corrects for it. Training that rounds alike gives the same log-probabilities again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from ratchet.engine.local.linear import pack_weight
from ratchet.engine.local.network import Block, Network, Product


def halve(network: Network) -> Network:
    """Return a network for sampling that reads rounded weights; all else is shared."""
    with torch.no_grad():
        blocks = tuple(_each(block, _round) for block in network.blocks)
        return replace(network, blocks=blocks, head=pack_weight(network.head.contiguous()))


def halve_both_ways(network: Network, halved: Network) -> Network:
    """Return a network for training that shares the rounded weights of ``halve(network)``.

    Each is kept once more, transposed, for the way back.
    """
    with torch.no_grad():
        pairs = zip(halved.blocks, network.blocks, strict=True)
        return replace(network, blocks=tuple(_add_ways_back(*pair) for pair in pairs))


def is_fast() -> bool:
    """Return whether this processor multiplies in bfloat16 by itself."""
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in asked)


def _round(product: Product) -> Product:
    return Product(product.names, pack_weight(product.weight.bfloat16()), (), product.bias)


def _add_ways_back(halved: Block, exact: Block) -> Block:
    backs = iter([pack_weight(p.weight.bfloat16().t().contiguous()) for p in exact.products()])
    return _each(halved, lambda product: replace(product, back=next(backs)))


def _each(block: Block, change: Callable[[Product], Product]) -> Block:
    """Return the block with every product changed, in the order of ``Block.products``."""
    qkv, out, gate_up, down = map(change, block.products())
    return replace(block, qkv=qkv, out=out, gate_up=gate_up, down=down)
