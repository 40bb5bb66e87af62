"""Keys and values of numbered segments, written in place: nothing is moved but into a gap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Shelf:
    """Segments of text, their keys and values layer by layer.

    What lies beyond a segment's length is finite and means nothing: whoever attends must mask it.
    """

    layers: list[Tensor]
    """By layer [2, places, groups, room, width]; the segments lie in the first places."""
    lengths: list[int] = field(default_factory=list)
    """Tokens of each segment."""

    @property
    def longest(self) -> int:
        """Tokens of the longest segment."""
        return max(self.lengths, default=0)

    @property
    def room(self) -> int:
        """Tokens that a segment may have."""
        return self.layers[0].shape[3]

    @property
    def bytes_per_token(self) -> int:
        """Bytes of one token's keys and values in all layers."""
        _, _, groups, _, width = self.layers[0].shape
        return len(self.layers) * 2 * groups * width * self.layers[0].element_size()

    def part(self, layer: int, tokens: int) -> Tensor:
        """Return a view of a layer's keys and values [2, segments, groups, tokens, width]."""
        return self.layers[layer][:, : len(self.lengths), :, :tokens]

    def add(self, parts: Iterable[Tensor], lengths: Sequence[int], room: int = 0) -> None:
        """Put segments behind those that are there.

        ``parts`` by layer [2, segments, groups, longest of them, width]; ``room`` for tokens to
        come, counted from a segment's first.
        """
        at, size = len(self.lengths), max(lengths)
        self._grow(at + len(lengths), max(room, size))
        for layer, part in zip(self.layers, parts, strict=True):
            added = layer[:, at : at + len(lengths)]
            added[:, :, :, :size] = part
            added[:, :, :, size:] = 0.0
        self.lengths += lengths

    def widen(self, room: int) -> None:
        """Make room for segments of this many tokens."""
        self._grow(0, room)

    def keep(self, left: Sequence[int]) -> list[int]:
        """Keep these segments, given in order; the last ones fill the gaps of those that go.

        Returns for each place the segment that lies there now, by its number before.
        """
        staying, count = set(left), len(left)
        gaps = [place for place in range(count) if place not in staying]
        moved = [place for place in left if place >= count]
        order = list(range(count))
        for gap, place in zip(gaps, moved, strict=True):
            order[gap] = place
        if gaps:
            size = max(self.lengths[place] for place in moved)
            device = self.layers[0].device
            to, of = torch.tensor(gaps, device=device), torch.tensor(moved, device=device)
            for layer in self.layers:
                used = layer[:, :, :, :size]
                used.index_copy_(1, to, used.index_select(1, of))
        self.lengths = [self.lengths[place] for place in order]
        return order

    def _grow(self, places: int, room: int) -> None:
        """Move layer by layer to larger tensors, if what is there is too small."""
        _, there, groups, size, width = self.layers[0].shape
        if places <= there and room <= size:
            return
        places, room, used = max(places, there), max(room, size), len(self.lengths)
        for number, layer in enumerate(self.layers):
            grown = layer.new_empty(2, places, groups, room, width)
            grown[:, :used, :, :size] = layer[:, :used]
            grown[:, :used, :, size:] = 0.0
            self.layers[number] = grown


def empty_shelf(like: Tensor) -> Shelf:
    """Return a shelf without segments for keys and values like [layers, 2, groups, any, width]."""
    layers, _, groups, _, width = like.shape
    return Shelf([like.new_empty(2, 0, groups, 0, width) for _ in range(layers)])
