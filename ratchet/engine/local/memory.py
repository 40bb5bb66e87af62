"""What sampling remembers between calls, so that a row which goes on is not read again.

A row that ended in the middle of its text may be asked for again with a tool's result appended. Its
keys and values are kept, up to a bound, until the next call, or until any other verb but scoring:
so a run that was cut off and resumed from a saved policy finds what an uninterrupted one would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ratchet.engine.local.cache import ROOM, Cache

KEPT_BYTES = 512 * 2**20
"""Most bytes of rows that are kept; later rows are read again."""


@dataclass
class Memory:
    """Keys and values of the rows of the last call."""

    owner: object = None
    """Which policy, at which of its versions, they are of."""
    header_tokens: tuple[int, ...] = ()
    """Tokens of the header."""
    header: Tensor | None = None
    """As in a cache."""
    stems: dict[tuple[int, ...], Tensor] = field(default_factory=dict)
    """[layers, 2, groups, length, width] by the tokens of header and stem."""
    rows: dict[tuple[int, ...], tuple[tuple[int, ...], Tensor]] = field(default_factory=dict)
    """By all tokens read: those of header and stem, and the own part as for stems."""
    size: int = 0
    """Bytes of stems and rows."""

    def open(self, owner: object) -> None:
        """Forget everything if it is another policy's, or the same one's before it changed."""
        if owner != self.owner:
            self.clear()
            self.owner = owner

    def clear(self) -> None:
        """Forget everything."""
        self.owner, self.header_tokens, self.header = None, (), None
        self.stems, self.rows, self.size = {}, {}, 0

    def hand_over(self) -> Memory:
        """Return the rows that are kept, for a call to go on from, and forget them here."""
        kept = Memory(self.owner, self.header_tokens, self.header, self.stems, self.rows, self.size)
        self.stems, self.rows, self.size = {}, {}, 0
        return kept

    def start(self, tokens: tuple[int, ...], header: Tensor) -> None:
        """Begin anew with the header of a call."""
        owner = self.owner
        self.clear()
        self.owner, self.header_tokens, self.header = owner, tokens, header

    def keep(self, cache: Cache, row: int, stem: tuple[int, ...], own: tuple[int, ...]) -> None:
        """Keep a row of a cache, given the tokens of header and stem and its own, if it fits."""
        part = cache.own[:, :, row, :, : len(own)]
        size = part.numel() * part.element_size()
        number = cache.stem_of[row]
        above = cache.stems[:, :, number, :, : cache.stem_lengths[number]]
        if stem not in self.stems:
            size += above.numel() * above.element_size()
        if self.size + size > KEPT_BYTES:
            return
        if stem not in self.stems:
            self.stems[stem] = above.clone()
        self.rows[stem + own] = (stem, part.clone())
        self.size += size

    def find(self, prompts: Sequence[tuple[int, ...]]) -> list[tuple[int, ...] | None]:
        """Return for each prompt the longest kept row it goes on from, or None.

        Rows are gone on with only if every prompt begins with their header.
        """
        top = len(self.header_tokens)
        if not self.rows or any(prompt[:top] != self.header_tokens for prompt in prompts):
            return [None] * len(prompts)
        lengths = sorted({len(row) for row in self.rows}, reverse=True)
        found: list[tuple[int, ...] | None] = []
        for prompt in prompts:
            begun = (prompt[:n] for n in lengths if n < len(prompt))
            found.append(next((row for row in begun if row in self.rows), None))
        return found

    def restore(self, kept: Sequence[tuple[int, ...]]) -> tuple[Cache, list[int]]:
        """Return a cache of kept rows, and the order that they were put in."""
        assert self.header is not None
        order = sorted(range(len(kept)), key=lambda i: (self.rows[kept[i]][0], i))
        names = [self.rows[kept[i]][0] for i in order]
        stems = list(dict.fromkeys(names))
        place = {stem: i for i, stem in enumerate(stems)}
        own = [self.rows[kept[i]][1] for i in order]
        lengths = [part.shape[3] for part in own]
        cache = Cache(
            header=self.header,
            stems=_stack([self.stems[stem] for stem in stems], 0),
            stem_lengths=[self.stems[stem].shape[3] for stem in stems],
            own=_stack(own, ROOM),
            lengths=lengths,
            stem_of=[place[stem] for stem in names],
        )
        return cache, order


def _stack(parts: Sequence[Tensor], spare: int) -> Tensor:
    """Return parts [layers, 2, groups, length, width] as one tensor, filled up on the right."""
    size = max(part.shape[3] for part in parts) + spare
    layers, two, groups, _, width = parts[0].shape
    whole = parts[0].new_zeros(layers, two, len(parts), groups, size, width)
    for i, part in enumerate(parts):
        whole[:, :, i, :, : part.shape[3]] = part
    return whole


def start_cache(
    kept: list[Tensor], header: Tensor, offset: int, stems: Sequence[Sequence[int]], of: list[int]
) -> Cache:
    """Return a cache of rows that have written nothing yet.

    ``kept`` by layer [2, packed, groups, width]; ``stems`` the packed indices of each stem's
    tokens, the first of all at ``offset``; ``of`` each row's stem.
    """
    whole = torch.stack(kept)
    longest = max(map(len, stems))
    index = torch.tensor(
        [[i - offset for i in stem] + [0] * (longest - len(stem)) for stem in stems],
        device=whole.device,
    )
    laid = whole[:, :, index].transpose(3, 4).contiguous()
    layers, two, _, groups, _, width = laid.shape
    own = whole.new_zeros(layers, two, len(of), groups, ROOM, width)
    return Cache(header, laid, [len(stem) for stem in stems], own, [0] * len(of), of)


def header_of(kept: list[Tensor], size: int) -> Tensor:
    """Return keys and values [layers, 2, groups, header, width] of the first packed tokens."""
    return torch.stack([layer[:, :size] for layer in kept]).transpose(2, 3).contiguous()
