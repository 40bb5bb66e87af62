"""Keys and values of rows that are being written, each token's kept once.

A header belongs to all rows, a stem (a prompt beyond the header) to the rows written from it, and
what a row has written to the row alone. One product of a group's queries with its stem's keys
serves the whole group.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from ratchet.engine.local.linear import products
from ratchet.engine.local.shelf import Shelf, empty_shelf

ROOM = 32
"""Fewest tokens by which the rows' own part grows."""


@dataclass
class Cache:
    """The cache of a batch of rows, and a ``network.Plan`` for their next token.

    ``prepare`` must be called before the tokens are read and ``advance`` after.
    """

    header: Tensor
    """[layers, 2, groups, header, width]."""
    stems: Shelf
    """Of the stems."""
    own: Shelf
    """Of what each row has written."""
    stem_of: list[int] = field(default_factory=list)
    """Each row's stem."""
    _laid: bool = field(default=False, init=False)
    """Whether it is worked out how rows are laid side by side by stem."""

    def add_stems(self, parts: Iterable[Tensor], lengths: Sequence[int]) -> int:
        """Add stems, as ``Shelf.add`` does, and return the number of the first."""
        first = len(self.stems.lengths)
        self.stems.add(parts, lengths)
        return first

    def add_rows(
        self, parts: Iterable[Tensor], lengths: Sequence[int], stem_of: Sequence[int], room: int
    ) -> None:
        """Add rows with what they have written, which are expected to come to ``room`` tokens."""
        self.own.add(parts, lengths, min(room, max(lengths) + ROOM))
        self.stem_of += stem_of
        self._laid = False

    def positions(self) -> Tensor:
        """Return the position of each row's next token."""
        top = self.header.shape[3]
        found = [
            top + self.stems.lengths[stem] + own
            for stem, own in zip(self.stem_of, self.own.lengths, strict=True)
        ]
        return torch.tensor(found, device=self.header.device)

    def prepare(self) -> None:
        """Make room for one token a row and work out who sees what."""
        self._used = self.own.longest + 1
        if self._used > self.own.room:
            self.own.widen(self._used + max(ROOM, self._used // 2))
        if not self._laid:
            self._lay()
        lengths, device = self.own.lengths, self.header.device
        same = min(lengths) == self._used - 1
        self._at: Tensor | int = self._used - 1 if same else _index(lengths, device)
        self._rows = torch.arange(len(lengths), device=device)
        self._mask = self._unseen()

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return [rows, heads, width]; the new keys and values are written into the rows' parts."""
        keys, values = self.own.part(layer, self._used)
        if isinstance(self._at, int):
            keys[:, :, self._at], values[:, :, self._at] = key, value
        else:
            keys[self._rows, :, self._at], values[self._rows, :, self._at] = key, value
        rows, heads, width = query.shape
        groups = key.shape[1]
        share = heads // groups
        fold = (query * scale).view(rows, groups, share, width)
        top, stem = self.header.shape[3], self.stems.longest
        edge = top + stem
        stem_keys, stem_values = self.stems.part(layer, stem).flatten(1, 2)
        scores = query.new_empty(rows, groups, share, edge + self._used)
        if top:
            flat = fold.transpose(0, 1).reshape(groups, rows * share, width)
            for group, found in enumerate(products(flat, self.header[layer, 0])):
                scores[:, group, :, :top] = found.view(rows, share, top)
        if stem:
            found = torch.bmm(self._by_stem(fold), stem_keys.transpose(1, 2))
            scores[..., top:edge] = self._by_row(found, share)
        scores[..., edge:] = torch.matmul(fold, keys.transpose(2, 3))
        scores = scores.float()
        if self._mask is not None:
            scores += self._mask
        weights = torch.softmax(scores, dim=3, out=scores).to(query.dtype)
        mixed = torch.matmul(weights[..., edge:], values)
        if stem:
            on_stem = self._by_stem(weights[..., top:edge])
            mixed += self._by_row(torch.bmm(on_stem, stem_values), share)
        if top:
            flat = weights[..., :top].transpose(0, 1).reshape(groups, rows * share, top)
            for group, found in enumerate(products(flat, self.header[layer, 1].transpose(1, 2))):
                mixed[:, group] += found.view(rows, share, width)
        return mixed.reshape(rows, heads, width)

    def advance(self) -> None:
        """Count the tokens just written."""
        self.own.lengths = [length + 1 for length in self.own.lengths]

    def keep(self, left: Sequence[int]) -> list[int]:
        """Keep these rows, given in order, and the stems they need.

        Returns for each place the row that lies there now, by its number before.
        """
        order = self.own.keep(left)
        stem_of = [self.stem_of[row] for row in order]
        stems = self.stems.keep(sorted(set(stem_of)))
        place = {stem: number for number, stem in enumerate(stems)}
        self.stem_of = [place[stem] for stem in stem_of]
        self._laid = False
        return order

    def _lay(self) -> None:
        """Work out how rows are laid side by side by stem."""
        rows_of: list[list[int]] = [[] for _ in self.stems.lengths]
        for row, stem in enumerate(self.stem_of):
            rows_of[stem].append(row)
        counts = [len(rows) for rows in rows_of]
        self._most, self._laid = max(counts), True
        in_order = all(a <= b for a, b in pairwise(self.stem_of))
        self._even = min(counts) == self._most and in_order
        if self._even:
            return
        gather, scatter = [], [0] * len(self.stem_of)
        for stem, rows in enumerate(rows_of):
            gather += rows + [rows[-1] if rows else 0] * (self._most - len(rows))
            for place, row in enumerate(rows):
                scatter[row] = stem * self._most + place
        device = self.header.device
        self._gather, self._scatter = _index(gather, device), _index(scatter, device)

    def _by_stem(self, by_row: Tensor) -> Tensor:
        """Return [stems * groups, most rows * share, n] from [rows, groups, share, n]."""
        groups, share, size = by_row.shape[1:]
        laid = by_row if self._even else by_row.index_select(0, self._gather)
        laid = laid.reshape(-1, self._most, groups, share, size).transpose(1, 2)
        return laid.reshape(-1, self._most * share, size)

    def _by_row(self, by_stem: Tensor, share: int) -> Tensor:
        """Return [rows, groups, share, n] from [stems * groups, most rows * share, n]."""
        groups, size = self.header.shape[2], by_stem.shape[-1]
        laid = by_stem.view(-1, groups, self._most, share, size).transpose(1, 2)
        laid = laid.reshape(-1, groups, share, size)
        return laid if self._even else laid.index_select(0, self._scatter)

    def _unseen(self) -> Tensor | None:
        """Return [rows, 1, 1, seen]: minus infinity where there is only filling, or None."""
        device, lengths = self.header.device, self.own.lengths
        top, stem, used = self.header.shape[3], self.stems.longest, self._used
        if min(self.stems.lengths) == stem and isinstance(self._at, int):
            return None
        seen = torch.zeros(len(lengths), top + stem + used, device=device)
        edges = _index([self.stems.lengths[i] for i in self.stem_of], device)[:, None]
        beyond = torch.arange(stem, device=device)[None] >= edges
        seen[:, top : top + stem].masked_fill_(beyond, float("-inf"))
        later = torch.arange(used, device=device)[None] > _index(lengths, device)[:, None]
        seen[:, top + stem :].masked_fill_(later, float("-inf"))
        return seen[:, None, None]


def open_cache(header: Tensor) -> Cache:
    """Return a cache without rows, given a header's keys and values."""
    return Cache(header, empty_shelf(header), empty_shelf(header))


def _index(values: Sequence[int], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.long, device=device)
