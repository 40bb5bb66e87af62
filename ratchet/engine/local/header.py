"""A header that all rows of a batch share, read once however often the batch is cut.

Its keys and values are cut out of the graph, micro-batches gather gradients on them, and one pass
back through the header takes these on to the weights. The gradient is that of one whole graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ratchet.engine.local.network import Network
from ratchet.engine.local.tree import Tree


@dataclass(frozen=True)
class Header:
    """What has been read of a header."""

    network: Network
    """Read it, and reads on."""
    size: int
    """Tokens."""
    found: list[Tensor]
    """Keys and values [2, groups, header, width] by layer, with their graph."""
    past: list[Tensor]
    """The same without it; where gradients gather."""

    def read(self, tree: Tree) -> Tensor:
        """Return the hidden states [packed beyond the header, width] of a tree with this header."""
        return self.network.read(tree, self.past)

    def hand_back(self) -> None:
        """Take what has gathered back through the header; to be called once, at the end."""
        gathered = [(kv, leaf.grad) for kv, leaf in zip(self.found, self.past, strict=True)]
        used = [(kv, grad) for kv, grad in gathered if kv.requires_grad and grad is not None]
        if used:
            torch.autograd.backward([kv for kv, _ in used], [grad for _, grad in used])


def read_header(network: Network, tokens: Sequence[int]) -> Header:
    """Read a header with gradient."""
    found = network.keys_values(tokens)
    past = [kv.detach().clone().requires_grad_() for kv in found]
    return Header(network, len(tokens), found, past)
