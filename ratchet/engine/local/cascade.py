"""Attention below a tree's header as a cascade: one product a level, no key copied for a row.

All queries meet the header's keys in one product, those of a stem and its leaves the stem's keys in
another, those of a leaf its own in a third; one softmax goes over the three (Hydragen, arXiv
2402.05099, for training too). Only queries, keys and values are kept for the backward pass, which
computes the weights again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ratchet.engine.local.linear import linear
from ratchet.engine.local.tree import Tree


class Seen(NamedTuple):
    """Keys, or values, or their gradients, of each level."""

    header: Tensor
    """[groups, header, width]."""
    stems: Tensor
    """[groups * stems, longest, width]."""
    leaves: Tensor
    """[groups * leaves, longest, width]."""


class Cascade:
    """Where the tokens of stems and leaves lie, and the products over what they see.

    Packed tokens are counted from the first stem's. Their tensors are [groups, tokens, share, n]:
    the ``share`` heads of a group see the same keys.
    """

    def __init__(self, tree: Tree, device: torch.device) -> None:
        header, stems, leaves = tree.levels
        self._top, self._stem, self._leaf = header.size, stems.width, leaves.width
        inside = _segments(0, stems.lengths)
        own = _segments(stems.size, leaves.lengths)
        members = [list(stem) for stem in inside]
        for parent, leaf in zip(tree.parents, own, strict=True):
            members[parent] += leaf
        used = [i for i, stem in enumerate(inside) if stem]
        count = stems.size + leaves.size
        self._stem_keys = _Laid([inside[i] for i in used], count, device)
        self._by_stem = _Laid([members[i] for i in used], count, device)
        self._by_leaf = _Laid(own, count, device)
        on_stem = [at + 1 for stem in inside for at in range(len(stem))]
        on_stem += [
            len(inside[parent])
            for parent, leaf in zip(tree.parents, own, strict=True)
            for _ in leaf
        ]
        on_leaf = [0] * stems.size + [at + 1 for leaf in own for at in range(len(leaf))]
        self._unseen = torch.cat(
            [_beyond(on_stem, self._stem, device), _beyond(on_leaf, self._leaf, device)], dim=1
        )[None, :, None]

    @property
    def seen(self) -> int:
        """Keys that a query meets, filling counted."""
        return self._top + self._stem + self._leaf

    def lay(self, header: Tensor, packed: Tensor) -> Seen:
        """Lay out keys or values, packed as [tokens, groups, width]."""
        rows = packed.transpose(0, 1)[:, :, None]
        return Seen(header.contiguous(), self._stem_keys.lay(rows), self._by_leaf.lay(rows))

    def weigh(self, query: Tensor, keys: Seen) -> Tensor:
        """Return how queries weigh what they see, [groups, tokens, share, seen]."""
        scores = self.meet(query, keys)
        scores[..., self._top :].masked_fill_(self._unseen, float("-inf"))
        return torch.softmax(scores, dim=-1, out=scores)

    def meet(self, x: Tensor, keys: Seen) -> Tensor:
        """Return the products with all keys; those a query does not see are any finite number."""
        groups, count, share, _ = x.shape
        edge = self._top + self._stem
        found = x.new_empty(groups, count, share, self.seen)
        if self._top:
            for one, key, into in zip(x, keys.header, found, strict=True):
                into[..., : self._top] = linear(one.flatten(0, 1), key).view(count, share, -1)
        if self._stem:
            met = torch.bmm(self._by_stem.lay(x), keys.stems.transpose(1, 2))
            found[..., self._top : edge] = self._by_stem.pack(met, groups, share)
        if self._leaf:
            met = torch.bmm(self._by_leaf.lay(x), keys.leaves.transpose(1, 2))
            found[..., edge:] = self._by_leaf.pack(met, groups, share)
        return found

    def mix(self, weights: Tensor, values: Seen) -> Tensor:
        """Return the weighted sums of values, [groups, tokens, share, width]."""
        groups, count, share, _ = weights.shape
        on_header, on_stem, on_leaf = self._split(weights)
        mixed = weights.new_zeros(groups, count, share, values.header.shape[2])
        if self._top:
            for one, value, into in zip(on_header, values.header, mixed, strict=True):
                into.copy_(
                    linear(one.contiguous().view(count * share, -1), value.t()).view_as(into)
                )
        if self._stem:
            found = torch.bmm(self._by_stem.lay(on_stem), values.stems)
            mixed += self._by_stem.pack(found, groups, share, clean=True)
        if self._leaf:
            found = torch.bmm(self._by_leaf.lay(on_leaf), values.leaves)
            mixed += self._by_leaf.pack(found, groups, share, clean=True)
        return mixed

    def spread(self, weights: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted sums of ``x`` over queries, for the header's keys and the others'.

        The header's [groups, header, width], the others' packed [tokens, groups, width].
        """
        groups, count, share, width = x.shape
        on_header, on_stem, on_leaf = self._split(weights)
        header = x.new_zeros(groups, self._top, width)
        if self._top:
            for one, there, into in zip(on_header, x, header, strict=True):
                flat = one.contiguous().view(count * share, -1)
                into.copy_(linear(there.flatten(0, 1).t(), flat.t()).t())
        rest = x.new_zeros(groups, count, 1, width)
        if self._stem:
            laid = self._by_stem.lay(on_stem, clean=True)
            found = torch.bmm(laid.transpose(1, 2), self._by_stem.lay(x))
            rest += self._stem_keys.pack(found, groups, 1, clean=True)
        if self._leaf:
            laid = self._by_leaf.lay(on_leaf, clean=True)
            found = torch.bmm(laid.transpose(1, 2), self._by_leaf.lay(x))
            rest += self._by_leaf.pack(found, groups, 1, clean=True)
        return header, rest[:, :, 0].transpose(0, 1)

    def _split(self, weights: Tensor) -> tuple[Tensor, ...]:
        return torch.split(weights, [self._top, self._stem, self._leaf], dim=3)


def cascade(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    header: tuple[Tensor, Tensor],
    plan: Cascade,
    scale: float,
) -> Tensor:
    """Return what each query [tokens, heads, width] gathers, in that shape.

    Keys and values are packed as [tokens, groups, width]; the header's are [groups, header, width].
    """
    found: Tensor = _Attention.apply(query, key, value, *header, plan, scale)  # type: ignore[no-untyped-call]
    return found


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        head_k: Tensor,
        head_v: Tensor,
        plan: Cascade,
        scale: float,
    ) -> Tensor:
        ctx.save_for_backward(query, key, value, head_k, head_v)
        ctx.plan, ctx.scale = plan, scale
        weights = plan.weigh(_fold(query * scale, key.shape[1]), plan.lay(head_k, key))
        return _unfold(plan.mix(weights, plan.lay(head_v, value)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, head_k, head_v = ctx.saved_tensors
        plan: Cascade = ctx.plan
        groups = key.shape[1]
        folded, keys = _fold(query * ctx.scale, groups), plan.lay(head_k, key)
        weights = plan.weigh(folded, keys)
        slope = _fold(slope, groups)
        grad_head_v, grad_value = plan.spread(weights, slope)
        pull = plan.meet(slope, plan.lay(head_v, value))
        pull = torch._softmax_backward_data(pull, weights, -1, weights.dtype)
        grad_query = _unfold(plan.mix(pull, keys)).mul_(ctx.scale)
        grad_head_k, grad_key = plan.spread(pull, folded)
        return grad_query, grad_key, grad_value, grad_head_k, grad_head_v, None, None


class _Laid:
    """Segments of some of the packed tokens, filled up on the right to one width."""

    def __init__(
        self, segments: Sequence[Sequence[int]], tokens: int, device: torch.device
    ) -> None:
        self._count, self._width = len(segments), max(map(len, segments), default=0)
        table = torch.zeros(self._count * self._width, dtype=torch.long)
        filled = torch.ones_like(table, dtype=torch.bool)
        slots = torch.zeros(tokens, dtype=torch.long)
        others = torch.ones_like(slots, dtype=torch.bool)
        for number, segment in enumerate(segments):
            start, inside = number * self._width, torch.tensor(segment, dtype=torch.long)
            table[start : start + len(segment)] = inside
            filled[start : start + len(segment)] = False
            slots[inside] = torch.arange(start, start + len(segment))
            others[inside] = False
        self._table, self._slots = table.to(device), slots.to(device)
        self._fillers = filled.nonzero()[:, 0].to(device)
        self._others = others.nonzero()[:, 0].to(device)

    def lay(self, packed: Tensor, clean: bool = False) -> Tensor:
        """Return [groups * segments, width * share, n] of [groups, tokens, share, n].

        Fillers are any token's, or zeros if ``clean``.
        """
        groups, _, share, size = packed.shape
        laid = packed.index_select(1, self._table)
        if clean and len(self._fillers):
            laid.index_fill_(1, self._fillers, 0.0)
        return laid.reshape(groups * self._count, self._width * share, size)

    def pack(self, laid: Tensor, groups: int, share: int, clean: bool = False) -> Tensor:
        """Return [groups, tokens, share, n] of the segments.

        Tokens in no segment have what another has, or zeros if ``clean``.
        """
        rows = laid.view(groups, -1, share, laid.shape[2])
        packed = rows.index_select(1, self._slots)
        if clean and len(self._others):
            packed.index_fill_(1, self._others, 0.0)
        return packed


def _segments(start: int, lengths: Sequence[int]) -> list[range]:
    found, at = [], start
    for length in lengths:
        found.append(range(at, at + length))
        at += length
    return found


def _beyond(seen: Sequence[int], width: int, device: torch.device) -> Tensor:
    """Return [len(seen), width]: whether a place is not among the first that are seen."""
    edges = torch.tensor(seen, device=device)[:, None]
    return torch.arange(width, device=device)[None] >= edges


def _fold(x: Tensor, groups: int) -> Tensor:
    """Return [groups, tokens, share, width] from [tokens, heads, width]."""
    return x.view(len(x), groups, -1, x.shape[2]).transpose(0, 1).contiguous()


def _unfold(x: Tensor) -> Tensor:
    return x.transpose(0, 1).reshape(x.shape[1], -1, x.shape[3])
