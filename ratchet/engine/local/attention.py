"""Attention over prefix trees: who attends to whom among packed tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ratchet.engine.local.cascade import Cascade, cascade
from ratchet.engine.local.tree import Level, Tree

MOST_WEIGHTS = 1 << 20
"""Most weights of one head that a cascade holds at once; beyond, torch's tiled attention."""
MOST_FILLED = 4 * MOST_WEIGHTS
"""The same where queries are laid out by stem, the filling of small groups counted."""


class TreeAttention:
    """Every packed token of a tree attends to its ancestors and to itself.

    With ``past``, the keys and values [2, groups, header, width] of the header by layer, the tree's
    header has been read before and is not among the packed tokens.
    """

    def __init__(
        self,
        tree: Tree,
        device: torch.device,
        keep: bool = False,
        past: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        self.kept: list[Tensor] | None = [] if keep else None
        """Keys and values [2, packed, groups, width] by layer, if they are to be kept."""
        header, stems, leaves = tree.levels
        self._past = past
        self._header = header.size
        below = stems.size + leaves.size
        seen = header.size + stems.width + leaves.width
        self._cascade: Cascade | None = None
        small = 0 < below * seen <= MOST_WEIGHTS and _filled(tree) * seen <= MOST_FILLED
        if device.type == "cpu" and small:
            self._cascade = Cascade(tree, device)
        self._stems = _Padded(stems, header.size, device)
        self._leaves = _Padded(leaves, header.size, device)
        self._parents = torch.tensor(tree.parents, device=device)
        self._header_mask = _causal(header.size, device)[None]
        self._stem_mask = torch.cat(
            [
                torch.ones(stems.width, header.size, dtype=torch.bool, device=device),
                _causal(stems.width, device),
            ],
            dim=1,
        )[None]
        self._leaf_mask = self._mask_leaves(stems, leaves, device)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return [packed, heads, width]; queries [packed, heads, width], the rest by groups."""
        if self.kept is not None and len(self.kept) == layer:  # later, if it is computed twice
            self.kept.append(torch.stack([key, value]))
        top = self._header
        if self._past is not None:
            head_k, head_v = self._past[layer].unbind()
            return self._below(query, key, value, (head_k, head_v), scale)
        split = [top, len(query) - top]
        query_top, query = torch.split(query, split)
        (key_top, key), (value_top, value) = torch.split(key, split), torch.split(value, split)
        head_k, head_v = key_top.transpose(0, 1), value_top.transpose(0, 1)
        parts = []
        if top:
            parts = list(
                _attention(query_top[None], head_k[None], head_v[None], self._header_mask, scale)
            )
        if len(query):
            parts.append(self._below(query, key, value, (head_k, head_v), scale))
        return torch.cat(parts)

    def _below(
        self, query: Tensor, key: Tensor, value: Tensor, header: tuple[Tensor, Tensor], scale: float
    ) -> Tensor:
        """Attend from the tokens of stems and leaves, whose tensors these are."""
        if self._cascade is not None and query.dtype == torch.float32:
            return cascade(query, key, value, header, self._cascade, scale)
        head_k, head_v = header[0][None], header[1][None]
        parts = []
        stem_k, stem_v = self._stems.pad(key), self._stems.pad(value)
        if self._stems.width:
            count = len(stem_k)
            mixed = _attention(
                self._stems.pad(query).transpose(1, 2),
                torch.cat([head_k.expand(count, -1, -1, -1), stem_k], dim=2),
                torch.cat([head_v.expand(count, -1, -1, -1), stem_v], dim=2),
                self._stem_mask.expand(count, -1, -1),
                scale,
            )
            parts.append(self._stems.unpad(mixed))
        if self._leaves.width:
            own_k, own_v = self._leaves.pad(key), self._leaves.pad(value)
            count = len(own_k)
            above_k = [head_k.expand(count, -1, -1, -1), stem_k.index_select(0, self._parents)]
            above_v = [head_v.expand(count, -1, -1, -1), stem_v.index_select(0, self._parents)]
            mixed = _attention(
                self._leaves.pad(query).transpose(1, 2),
                torch.cat([*above_k, own_k], dim=2),
                torch.cat([*above_v, own_v], dim=2),
                self._leaf_mask,
                scale,
            )
            parts.append(self._leaves.unpad(mixed))
        return torch.cat(parts)

    def _mask_leaves(self, stems: Level, leaves: Level, device: torch.device) -> Tensor:
        """Return [leaves, width, header + stem + width]: all above but a stem's padding is seen.

        Padded queries see themselves, so that no row of the mask is empty.
        """
        count, width = len(leaves.lengths), leaves.width
        lengths = torch.tensor(stems.lengths, device=device)[self._parents]
        stem = torch.arange(stems.width, device=device)[None] < lengths[:, None]
        return torch.cat(
            [
                torch.ones(count, width, self._header, dtype=torch.bool, device=device),
                stem[:, None, :].expand(count, width, stems.width),
                _causal(width, device)[None].expand(count, width, width),
            ],
            dim=2,
        )


class _Padded:
    """Moves the packed tokens of a level into segments of one width and back."""

    def __init__(self, level: Level, start: int, device: torch.device) -> None:
        self.width = level.width
        self._range = slice(level.start - start, level.start - start + level.size)
        self._count = len(level.lengths)
        places = [
            segment * level.width + offset
            for segment, length in enumerate(level.lengths)
            for offset in range(length)
        ]
        self._places = torch.tensor(places, dtype=torch.long, device=device)
        self._full = len(places) == self._count * self.width

    def pad(self, packed: Tensor) -> Tensor:
        """Return [segments, heads, width, head width] from [packed, heads, head width]."""
        heads, size = packed.shape[1:]
        own = packed[self._range]
        if not self._full:
            flat = packed.new_zeros(self._count * self.width, heads, size)
            own = flat.index_copy(0, self._places, own)
        return own.reshape(self._count, self.width, heads, size).transpose(1, 2)

    def unpad(self, padded: Tensor) -> Tensor:
        """Return [level's tokens, heads, head width] from [segments, width, heads, head width]."""
        flat = padded.reshape(-1, *padded.shape[2:])
        return flat if self._full else flat.index_select(0, self._places)


def _filled(tree: Tree) -> int:
    """Return the tokens of all stems with their leaves, each filled up to the largest group."""
    _, stems, leaves = tree.levels
    sizes = list(stems.lengths)
    for parent, length in zip(tree.parents, leaves.lengths, strict=True):
        sizes[parent] += length
    return len(sizes) * max(sizes, default=0)


def _causal(width: int, device: torch.device) -> Tensor:
    return torch.ones(width, width, dtype=torch.bool, device=device).tril()


def _attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float) -> Tensor:
    """Return [n, length, heads, width].

    Query [n, length, heads, width]; key and value [n, groups, seen, width]; mask [n, length, seen].
    The heads that share a key are laid side by side, so that no key is copied.
    """
    count, length, heads, size = query.shape
    groups = key.shape[1]
    share = heads // groups
    folded = query.reshape(count, length, groups, share, size).permute(0, 2, 3, 1, 4)
    mixed = nn.functional.scaled_dot_product_attention(
        folded.reshape(count, groups, share * length, size),
        key,
        value,
        attn_mask=mask.repeat(1, share, 1)[:, None],
        scale=scale,
    )
    mixed = mixed.view(count, groups, share, length, size).permute(0, 3, 1, 2, 4)
    return mixed.reshape(count, length, heads, size)
