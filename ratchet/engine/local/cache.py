"""Keys and values of rows that are being written, each token's kept once.

A header belongs to all rows, a stem (a prompt beyond the header) to the rows written from it, and
what a row has written to the row alone. One product of a group's queries with its stem's keys
serves the whole group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

ROOM = 32
"""Tokens by which the rows' own part grows."""


@dataclass
class Cache:
    """The cache of a batch of rows, and a ``network.Plan`` for their next token.

    ``prepare`` must be called before the tokens are read and ``advance`` after.
    """

    header: Tensor
    """[layers, 2, groups, header, width]."""
    stems: Tensor
    """[layers, 2, stems, groups, longest, width], filled up on the right."""
    stem_lengths: list[int]
    """Tokens of each stem."""
    own: Tensor
    """[layers, 2, rows, groups, room, width]."""
    lengths: list[int]
    """Tokens in each row's own part."""
    stem_of: list[int]
    """Each row's stem; rows of one stem stand together, stems in order."""

    def positions(self) -> Tensor:
        """Return the position of each row's next token."""
        top = self.header.shape[3]
        found = [
            top + self.stem_lengths[stem] + own
            for stem, own in zip(self.stem_of, self.lengths, strict=True)
        ]
        return torch.tensor(found, device=self.own.device)

    def prepare(self) -> None:
        """Make room for one token a row and work out who sees what."""
        used = max(self.lengths) + 1
        if used > self.own.shape[4]:
            self.own = torch.nn.functional.pad(self.own, (0, 0, 0, ROOM))
        self._used = used
        self._group()
        same = len(set(self.lengths)) == 1
        self._at: Tensor | int = used - 1 if same else _index(self.lengths, self.own.device)
        self._rows = torch.arange(len(self.lengths), device=self.own.device)
        self._mask = self._unseen()

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return [rows, heads, width]; the new keys and values are written into the rows' parts."""
        keys, values = self.own[layer]
        if isinstance(self._at, int):
            keys[:, :, self._at], values[:, :, self._at] = key, value
        else:
            keys[self._rows, :, self._at], values[self._rows, :, self._at] = key, value
        rows, heads, width = query.shape
        groups = key.shape[1]
        share = heads // groups
        fold = (query * scale).view(rows, groups, share, width)
        top, stem = self.header.shape[3], self.stems.shape[4]
        parts = []
        if top:
            flat = fold.transpose(0, 1).reshape(groups, rows * share, width)
            found = torch.bmm(flat, self.header[layer, 0].transpose(1, 2))
            parts.append(found.view(groups, rows, share, top).transpose(0, 1))
        if stem:
            stem_keys = self.stems[layer, 0].flatten(0, 1)
            found = torch.bmm(self._by_stem(fold), stem_keys.transpose(1, 2))
            parts.append(self._by_row(found, share))
        parts.append(torch.matmul(fold, keys[:, :, : self._used].transpose(2, 3)))
        weights = torch.cat(parts, dim=3).float()
        if self._mask is not None:
            weights += self._mask
        weights = weights.softmax(dim=3).to(query.dtype)
        mixed = torch.matmul(weights[..., top + stem :], values[:, :, : self._used])
        if stem:
            on_stem = self._by_stem(weights[..., top : top + stem])
            found = torch.bmm(on_stem, self.stems[layer, 1].flatten(0, 1))
            mixed += self._by_row(found, share)
        if top:
            flat = weights[..., :top].transpose(0, 1).reshape(groups, rows * share, top)
            found = torch.bmm(flat, self.header[layer, 1])
            mixed += found.view(groups, rows, share, width).transpose(0, 1)
        return mixed.reshape(rows, heads, width)

    def advance(self) -> None:
        """Count the tokens just written."""
        self.lengths = [length + 1 for length in self.lengths]

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in order, and the stems they need."""
        stems = sorted({self.stem_of[row] for row in rows})
        place = {stem: i for i, stem in enumerate(stems)}
        device = self.own.device
        self.own = self.own.index_select(2, _index(rows, device))
        self.lengths = [self.lengths[row] for row in rows]
        self.stem_of = [place[self.stem_of[row]] for row in rows]
        if len(stems) < len(self.stem_lengths):
            self.stem_lengths = [self.stem_lengths[stem] for stem in stems]
            longest = max(self.stem_lengths, default=0)
            self.stems = self.stems.index_select(2, _index(stems, device))[:, :, :, :, :longest]

    def join(self, other: Cache) -> None:
        """Add the rows of another cache with the same header behind these."""
        self.stems = torch.cat(_alike(self.stems, other.stems), dim=2)
        self.own = torch.cat(_alike(self.own, other.own), dim=2)
        self.stem_of += [stem + len(self.stem_lengths) for stem in other.stem_of]
        self.stem_lengths += other.stem_lengths
        self.lengths += other.lengths

    def _group(self) -> None:
        """Work out how rows are laid side by side by stem."""
        counts = [0] * len(self.stem_lengths)
        for stem in self.stem_of:
            counts[stem] += 1
        self._most = max(counts)
        self._even = min(counts) == self._most
        if self._even:
            return
        starts = [0, *accumulate(counts)]
        device = self.own.device
        gather = [
            starts[stem] + min(place, counts[stem] - 1) if counts[stem] else 0
            for stem in range(len(counts))
            for place in range(self._most)
        ]
        self._gather = _index(gather, device)
        self._scatter = _index(
            [stem * self._most + row - starts[stem] for row, stem in enumerate(self.stem_of)],
            device,
        )

    def _by_stem(self, by_row: Tensor) -> Tensor:
        """Return [stems * groups, most rows * share, n] from [rows, groups, share, n]."""
        groups, share, size = by_row.shape[1:]
        laid = by_row if self._even else by_row.index_select(0, self._gather)
        laid = laid.reshape(-1, self._most, groups, share, size).transpose(1, 2)
        return laid.reshape(-1, self._most * share, size)

    def _by_row(self, by_stem: Tensor, share: int) -> Tensor:
        """Return [rows, groups, share, n] from [stems * groups, most rows * share, n]."""
        groups, size = self.own.shape[3], by_stem.shape[-1]
        laid = by_stem.view(-1, groups, self._most, share, size).transpose(1, 2)
        laid = laid.reshape(-1, groups, share, size)
        return laid if self._even else laid.index_select(0, self._scatter)

    def _unseen(self) -> Tensor | None:
        """Return [rows, 1, 1, seen]: minus infinity where there is only filling, or None."""
        device = self.own.device
        stem, used = self.stems.shape[4], self._used
        whole = all(length == stem for length in self.stem_lengths)
        if whole and isinstance(self._at, int):
            return None
        seen = torch.zeros(len(self.lengths), self.header.shape[3] + stem + used, device=device)
        edges = _index([self.stem_lengths[i] for i in self.stem_of], device)[:, None]
        top = self.header.shape[3]
        beyond = torch.arange(stem, device=device)[None] >= edges
        seen[:, top : top + stem].masked_fill_(beyond, float("-inf"))
        last = _index(self.lengths, device)[:, None]
        later = torch.arange(used, device=device)[None] > last
        seen[:, top + stem :].masked_fill_(later, float("-inf"))
        return seen[:, None, None]


def _index(values: Sequence[int], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.long, device=device)


def _alike(left: Tensor, right: Tensor) -> list[Tensor]:
    """Return both tensors filled up to the same number of tokens."""
    size = max(left.shape[4], right.shape[4])
    return [torch.nn.functional.pad(one, (0, 0, 0, size - one.shape[4])) for one in (left, right)]
