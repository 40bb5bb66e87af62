"""A Llama-like transformer as its products: few, large, and the same for sampling and training.

Layers that read the same input (queries, keys and values; gate and up) are one product over one
block of memory, of which each layer's own weight is a view. Sequences are packed, without padding,
and a plan says who attends to whom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ratchet.core.errors import EngineError
from ratchet.engine.local.attention import TreeAttention
from ratchet.engine.local.linear import Addition, adapted, linear
from ratchet.engine.local.pieces import gate, normalise, rotate
from ratchet.engine.local.tree import Tree, pack


class Plan(Protocol):
    """Knows who attends to whom."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return [tokens, heads, width]; key and value are [tokens, groups, width]."""
        ...


@dataclass(frozen=True)
class Product:
    """One or several linear layers that read the same input."""

    names: tuple[str, ...]
    """The layers' names in the Hugging Face model."""
    weight: Tensor
    """[out of all, in]; never trained itself."""
    parts: tuple[Tensor, ...]
    """Each layer's weight, a view of ``weight``; a full policy trains these."""
    bias: Tensor | None = None
    """[out of all]."""
    bias_parts: tuple[Tensor, ...] = ()
    """Each layer's bias, a view of ``bias``."""
    back: Tensor | None = None
    """``weight`` transposed, in networks that train with rounded weights."""

    def __call__(self, x: Tensor, addition: Addition | None) -> Tensor:
        """Return the outputs of all layers side by side."""
        if torch.is_grad_enabled() and self.parts and self.parts[0].requires_grad:
            biases = self.bias_parts or (None,) * len(self.parts)
            found = [linear(x, w, b) for w, b in zip(self.parts, biases, strict=True)]
            return found[0] if len(found) == 1 else torch.cat(found, dim=-1)
        if addition is None:
            return linear(x, self.weight, self.bias)
        return adapted(x, self.weight, self.bias, addition, self.back)


@dataclass(frozen=True)
class Block:
    """One layer of the transformer."""

    before: Tensor
    """Weight of the normalisation before attention."""
    qkv: Product
    """Queries, keys, values."""
    out: Product
    """From heads back to the model's width."""
    between: Tensor
    """Weight of the normalisation before the gated layer."""
    gate_up: Product
    """Gate and up."""
    down: Product
    """Back to the model's width."""
    query_norm: Tensor | None = None
    """Weight of the normalisation of each query head, in models that have it."""
    key_norm: Tensor | None = None
    """The same for keys."""

    def products(self) -> tuple[Product, ...]:
        """Return the products in a fixed order."""
        return self.qkv, self.out, self.gate_up, self.down


@dataclass(frozen=True)
class Shape:
    """What the weights alone do not say."""

    heads: int
    """Query heads."""
    groups: int
    """Key and value heads."""
    width: int
    """Of one head."""
    eps: float
    """Of every normalisation."""
    window: int | None = None
    """Most tokens that attention may reach back, in models that limit it."""


class Rope:
    """Cosines and sines by position, from the model's own rotary embedding."""

    def __init__(self, rotary: nn.Module, dtype: torch.dtype, device: torch.device) -> None:
        self._rotary = rotary
        self._dtype = dtype
        self._device = device
        self._cos, self._sin = self._table(512)

    def at(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosines and signed sines [tokens, 1, width]; see ``pieces.rotate``."""
        while len(self._cos) <= int(positions.max()):
            self._cos, self._sin = self._table(2 * len(self._cos))
        return self._cos[positions], self._sin[positions]

    def _table(self, size: int) -> tuple[Tensor, Tensor]:
        with torch.inference_mode(False), torch.no_grad():
            positions = torch.arange(size, device=self._device)[None]
            like = torch.zeros(1, device=self._device)
            cos, sin = (table[0].clone() for table in self._rotary(like, positions))
            sin[:, : sin.shape[1] // 2].neg_()
            return cos[:, None].to(self._dtype), sin[:, None].to(self._dtype)


@dataclass(frozen=True)
class Network:
    """Weights with a policy's additions, ready to read packed tokens."""

    shape: Shape
    """Heads and constants."""
    embedding: Tensor
    """[vocabulary, width of the model]."""
    blocks: tuple[Block, ...]
    """Layers, first to last."""
    norm: Tensor
    """Weight of the last normalisation."""
    head: Tensor
    """[vocabulary, width of the model]; the embedding itself where they are tied."""
    rope: Rope
    """Turns queries and keys by position."""
    named: Mapping[str, Tensor]
    """Every tensor a full policy trains, by its name in the Hugging Face model."""
    dtype: torch.dtype
    """What it computes in."""
    additions: Mapping[str, Addition] = field(default_factory=dict)
    """In force, by the first name of a product."""
    recompute: bool = False
    """Whether training keeps one tensor a layer and computes the rest again going back."""

    def adaptable(self) -> dict[str, tuple[int, int]]:
        """Return (out, in) of every layer that can be adapted, by name."""
        return {
            name: (part.shape[0], part.shape[1])
            for block in self.blocks
            for product in block.products()
            for name, part in zip(product.names, product.parts, strict=True)
        }

    def groups(self) -> list[tuple[str, ...]]:
        """Return the names of the layers that one product computes, for each product."""
        return [product.names for block in self.blocks for product in block.products()]

    def read(self, tree: Tree, past: Sequence[Tensor] | None = None) -> Tensor:
        """Return the hidden states [packed, width] of a tree.

        With ``past``, the header's ``keys_values``, the header is not read again and has no row.
        """
        device = self.embedding.device
        start = 0 if past is None else tree.levels[0].size
        tokens = torch.tensor(tree.tokens[start:], device=device)
        positions = torch.tensor(tree.positions[start:], device=device)
        return self.hidden(tokens, positions, TreeAttention(tree, device, past=past))

    def keys_values(self, tokens: Sequence[int]) -> list[Tensor]:
        """Return the keys and values [2, groups, tokens, width] of one sequence by layer."""
        device = self.embedding.device
        plan = TreeAttention(pack([tokens]), device, keep=True)
        positions = torch.arange(len(tokens), device=device)
        self.hidden(torch.tensor(tokens, device=device), positions, plan)
        return [kept.transpose(1, 2) for kept in plan.kept or ()]

    def hidden(self, tokens: Tensor, positions: Tensor, plan: Plan) -> Tensor:
        """Return last hidden states [tokens, width] of packed tokens at their positions."""
        reach = int(positions.max()) + 1
        if self.shape.window is not None and reach > self.shape.window:
            raise EngineError(
                f"a sequence of {reach} tokens exceeds the model's window of {self.shape.window}",
                "use shorter sequences",
            )
        turn = self.rope.at(positions)
        x = nn.functional.embedding(tokens, self.embedding).to(self.dtype)
        for number in range(len(self.blocks)):
            if self.recompute and torch.is_grad_enabled():
                x = checkpoint(self._pass, number, x, turn, plan, use_reentrant=False)
            else:
                x = self._pass(number, x, turn, plan)
        return normalise(x, self.norm, self.shape.eps)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return logits in float32."""
        return linear(hidden, self.head).float()

    def _pass(self, number: int, x: Tensor, turn: tuple[Tensor, Tensor], plan: Plan) -> Tensor:
        block, shape = self.blocks[number], self.shape
        each = [self.additions.get(product.names[0]) for product in block.products()]
        qkv = block.qkv(normalise(x, block.before, shape.eps), each[0])
        qkv = qkv.view(len(x), -1, shape.width)
        turning, value = torch.split(qkv, [shape.heads + shape.groups, shape.groups], dim=1)
        if block.query_norm is not None and block.key_norm is not None:
            query, key = torch.split(turning, [shape.heads, shape.groups], dim=1)
            query = normalise(query, block.query_norm, shape.eps)
            turning = torch.cat([query, normalise(key, block.key_norm, shape.eps)], dim=1)
        turned = rotate(turning, *turn)
        query, key = torch.split(turned, [shape.heads, shape.groups], dim=1)
        mixed = plan.attend(number, query, key, value, shape.width**-0.5)
        x = x + block.out(mixed.reshape(len(x), -1), each[1])
        opened = block.gate_up(normalise(x, block.between, shape.eps), each[2])
        return x + block.down(gate(opened), each[3])
