"""Attention over prefix trees and over caches, plugged into Hugging Face models.

A model loaded with ``attn_implementation=NAME`` calls ``attend``, which hands the layer's queries,
keys and values to the plan that the caller passed to the model's forward as ``plan=``.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from ratchet.core.errors import EngineError
from ratchet.engine.local.tree import Level, Tree, pad_index

NAME = "ratchet_tree"
"""What the attention is registered as."""


class Plan(Protocol):
    """Knows who attends to whom."""

    @property
    def reach(self) -> int:
        """Longest sequence, which a sliding window must not cut."""
        ...

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return [batch, length, heads, width] from [batch, heads, length, width]."""
        ...


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    *,
    plan: Plan,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attend by a plan. Raises EngineError where a model wants more than plain attention."""
    if softcap is not None or s_aux is not None or dropout:
        raise EngineError(
            "this model's attention has soft caps, sinks or dropout", "use a Llama or Qwen model"
        )
    if sliding_window is not None and plan.reach > sliding_window:
        raise EngineError(
            f"a sequence of {plan.reach} tokens exceeds the model's window of {sliding_window}",
            "use shorter sequences",
        )
    layer = module.layer_idx
    assert isinstance(layer, int)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return plan.attend(layer, query, key, value, scale), None


AttentionInterface.register(NAME, attend)


class TreeAttention:
    """Every packed token of a tree attends to its ancestors and to itself."""

    def __init__(self, tree: Tree, device: torch.device, keep: bool = False) -> None:
        self.reach = max(len(row) for row in tree.where)
        self.kept: dict[int, tuple[Tensor, Tensor]] | None = {} if keep else None
        """Keys and values [heads, packed, width] by layer, if they are to be kept."""
        header, stems, leaves = tree.levels
        self._header = header.size
        self._stems = _Padded(stems, device)
        self._leaves = _Padded(leaves, device)
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
        """Return [1, packed, heads, width]."""
        if self.kept is not None:
            self.kept[layer] = (key[0], value[0])
        queries, keys, values = (x[0].transpose(0, 1) for x in (query, key, value))
        top = self._header
        head_k, head_v = keys[:top].transpose(0, 1)[None], values[:top].transpose(0, 1)[None]
        parts = []
        if top:
            parts.append(
                _attention(queries[None, :top], head_k, head_v, self._header_mask, scale)[0]
            )
        stem_k, stem_v = self._stems.pad(keys), self._stems.pad(values)
        if self._stems.width:
            count = len(stem_k)
            mixed = _attention(
                self._stems.pad(queries).transpose(1, 2),
                torch.cat([head_k.expand(count, -1, -1, -1), stem_k], dim=2),
                torch.cat([head_v.expand(count, -1, -1, -1), stem_v], dim=2),
                self._stem_mask.expand(count, -1, -1),
                scale,
            )
            parts.append(self._stems.unpad(mixed))
        if self._leaves.width:
            own_k, own_v = self._leaves.pad(keys), self._leaves.pad(values)
            count = len(own_k)
            above_k = [head_k.expand(count, -1, -1, -1), stem_k.index_select(0, self._parents)]
            above_v = [head_v.expand(count, -1, -1, -1), stem_v.index_select(0, self._parents)]
            mixed = _attention(
                self._leaves.pad(queries).transpose(1, 2),
                torch.cat([*above_k, own_k], dim=2),
                torch.cat([*above_v, own_v], dim=2),
                self._leaf_mask,
                scale,
            )
            parts.append(self._leaves.unpad(mixed))
        return torch.cat(parts)[None]

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

    def __init__(self, level: Level, device: torch.device) -> None:
        self.width = level.width
        self._range = slice(level.start, level.start + level.size)
        self._count = len(level.lengths)
        places = [
            segment * level.width + offset
            for segment, length in enumerate(level.lengths)
            for offset in range(length)
        ]
        self._places = torch.tensor(places, dtype=torch.long, device=device)

    def pad(self, packed: Tensor) -> Tensor:
        """Return [segments, heads, width, head width] from [packed, heads, head width]."""
        heads, size = packed.shape[1:]
        flat = packed.new_zeros(self._count * self.width, heads, size)
        flat = flat.index_copy(0, self._places, packed[self._range])
        return flat.view(self._count, self.width, heads, size).transpose(1, 2)

    def unpad(self, padded: Tensor) -> Tensor:
        """Return [level's tokens, heads, head width] from [segments, width, heads, head width]."""
        return padded.reshape(-1, *padded.shape[2:]).index_select(0, self._places)


class CacheAttention:
    """One new token a row attends to a shared header and to the row's own cache."""

    def __init__(
        self,
        header: dict[int, tuple[Tensor, Tensor]],
        own: dict[int, tuple[Tensor, Tensor]],
        lengths: Tensor,
    ) -> None:
        self.header = header
        """Keys and values [heads, header, width] by layer."""
        self.own = own
        """Keys and values [rows, heads, room, width] by layer."""
        self.lengths = lengths
        """Tokens in each row's own cache, [rows]; grows by ``advance``."""

    @property
    def header_length(self) -> int:
        """Tokens of the shared header."""
        return self.header[0][0].shape[1]

    @property
    def reach(self) -> int:
        """Longest sequence so far, counting the new token."""
        return self.header_length + int(self.lengths.max()) + 1

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return [rows, 1, heads, width]; the new key and value are written into the cache."""
        keys, values = self.own[layer]
        head_k, head_v = self.header[layer]
        rows = torch.arange(len(key), device=key.device)
        keys[rows, :, self.lengths] = key[:, :, 0]
        values[rows, :, self.lengths] = value[:, :, 0]
        used = int(self.lengths.max()) + 1
        count, heads, _, size = query.shape
        groups, top = keys.shape[1], head_k.shape[1]
        share = heads // groups
        fold = query.view(count, groups, share, size) * scale
        flat = fold.transpose(0, 1).reshape(groups, count * share, size)
        above = torch.matmul(flat, head_k.transpose(1, 2)).view(groups, count, share, top)
        own = torch.matmul(fold, keys[:, :, :used].transpose(2, 3))
        empty = torch.arange(used, device=key.device)[None] > self.lengths[:, None]
        own = own.masked_fill(empty[:, None, None], float("-inf"))
        weights = torch.cat([above.transpose(0, 1), own], dim=3).float().softmax(dim=3)
        weights = weights.to(key.dtype)
        on_header = weights[..., :top].transpose(0, 1).reshape(groups, count * share, top)
        from_header = torch.matmul(on_header, head_v).view(groups, count, share, size)
        mixed = torch.matmul(weights[..., top:], values[:, :, :used]) + from_header.transpose(0, 1)
        return mixed.reshape(count, 1, heads, size)

    def advance(self) -> None:
        """Count the tokens just written and make room for the next."""
        self.lengths = self.lengths + 1
        room = next(iter(self.own.values()))[0].shape[2]
        if int(self.lengths.max()) >= room:
            self.own = {i: (_widen(k), _widen(v)) for i, (k, v) in self.own.items()}

    def select(self, rows: Tensor) -> None:
        """Keep these rows alone."""
        self.lengths = self.lengths[rows]
        self.own = {i: (k[rows], v[rows]) for i, (k, v) in self.own.items()}


def start_cache(tree: Tree, plan: TreeAttention, rows: list[int], room: int) -> CacheAttention:
    """Return a cache for rows of sequences of a tree that went through the model with ``keep``."""
    assert plan.kept is not None
    header = tree.levels[0].size
    own_tokens = [tree.where[row][header:] for row in rows]
    device = plan.kept[0][0].device
    lengths = torch.tensor([len(tokens) for tokens in own_tokens], device=device)
    index = pad_index([tokens or (0,) for tokens in own_tokens], device)
    spare = max(1, room - index.shape[1])
    own: dict[int, tuple[Tensor, Tensor]] = {}
    above: dict[int, tuple[Tensor, Tensor]] = {}
    for layer in sorted(plan.kept):
        key, value = plan.kept.pop(layer)
        own[layer] = (_spread(key, index, spare), _spread(value, index, spare))
        above[layer] = (key[:, :header], value[:, :header])
    return CacheAttention(above, own, lengths)


def _spread(packed: Tensor, index: Tensor, spare: int) -> Tensor:
    """Return [rows, heads, room, width] from [heads, packed, width]."""
    gathered = packed.transpose(0, 1)[index].transpose(1, 2)
    return nn.functional.pad(gathered, (0, 0, 0, spare))


def _widen(cache: Tensor, by: int = 32) -> Tensor:
    return nn.functional.pad(cache, (0, 0, 0, by))


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
