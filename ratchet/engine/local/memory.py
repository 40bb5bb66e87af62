"""What sampling remembers between calls, so that a row which goes on is not read again.

A row that ended in the middle of its text may be asked for again with a tool's result appended. Its
keys and values are kept, up to a bound, until the next call, or until any other verb but scoring:
so a run that was cut off and resumed from a saved policy finds what an uninterrupted one would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ratchet.engine.local.cache import Cache
from ratchet.engine.local.shelf import Shelf

KEPT_BYTES = 512 * 2**20
"""Most bytes of rows that a call leaves; later rows are read again. Those of the call before lie
beside them until they are taken up."""


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
    wanted: Counter[tuple[int, ...]] = field(default_factory=Counter)
    """How often each row is still to be gone on with, once they are handed over."""

    def open(self, owner: object) -> None:
        """Forget everything if it is another policy's, or the same one's before it changed."""
        if owner != self.owner:
            self.clear()
            self.owner = owner

    def clear(self) -> None:
        """Forget everything."""
        self.owner, self.header_tokens, self.header = None, (), None
        self.stems, self.rows, self.size = {}, {}, 0

    def hand_over(self, names: Iterable[tuple[int, ...] | None]) -> Memory:
        """Return the rows that are kept, for a call to go on from those named, and forget them."""
        kept = Memory(self.owner, self.header_tokens, self.header, self.stems, self.rows)
        kept.wanted = Counter(name for name in names if name is not None)
        self.stems, self.rows, self.size = {}, {}, 0
        kept._drop_unwanted()
        return kept

    def start(self, tokens: tuple[int, ...], header: Tensor) -> None:
        """Begin anew with the header of a call."""
        owner = self.owner
        self.clear()
        self.owner, self.header_tokens, self.header = owner, tokens, header

    def keep(self, cache: Cache, row: int, stem: tuple[int, ...], own: tuple[int, ...]) -> None:
        """Keep a row of a cache, given the tokens of header and stem and its own, if it fits."""
        number = cache.stem_of[row]
        tokens = len(own) + (0 if stem in self.stems else cache.stems.lengths[number])
        size = tokens * cache.own.bytes_per_token
        if stem + own in self.rows or self.size + size > KEPT_BYTES:
            return
        if stem not in self.stems:
            self.stems[stem] = _lift(cache.stems, number)
        self.rows[stem + own] = (stem, _lift(cache.own, row))
        self.size += size

    def find(self, prompts: Sequence[tuple[int, ...]]) -> list[tuple[int, ...] | None]:
        """Return for each prompt the longest kept row it goes on from, or None.

        Rows are gone on with only if every prompt begins with their header and goes beyond it.
        """
        top = len(self.header_tokens)
        distinct: dict[tuple[int, ...], tuple[int, ...] | None] = dict.fromkeys(prompts)
        fits = all(len(p) > top and p[:top] == self.header_tokens for p in distinct)
        if not self.rows or not fits:
            return [None] * len(prompts)
        lengths = sorted({len(row) for row in self.rows}, reverse=True)
        for prompt in distinct:
            begun = (prompt[:n] for n in lengths if n < len(prompt))
            distinct[prompt] = next((row for row in begun if row in self.rows), None)
        return [distinct[prompt] for prompt in prompts]

    def restore(self, names: Sequence[tuple[int, ...]], cache: Cache, room: int) -> list[int]:
        """Add kept rows to a cache and return the order that they were put in.

        What no other row will go on from is forgotten here.
        """
        order = sorted(range(len(names)), key=lambda i: (self.rows[names[i]][0], i))
        rows = [self.rows[names[i]] for i in order]
        stems = list(dict.fromkeys(stem for stem, _ in rows))
        above = [self.stems[stem] for stem in stems]
        first = cache.add_stems(_level(above), [part.shape[3] for part in above])
        place = {stem: first + number for number, stem in enumerate(stems)}
        own = [part for _, part in rows]
        lengths = [part.shape[3] for part in own]
        cache.add_rows(_level(own), lengths, [place[stem] for stem, _ in rows], room)
        self.wanted.subtract(names)
        self._drop_unwanted()
        return order

    def _drop_unwanted(self) -> None:
        self.rows = {name: row for name, row in self.rows.items() if self.wanted[name] > 0}
        left = {stem for stem, _ in self.rows.values()}
        self.stems = {stem: part for stem, part in self.stems.items() if stem in left}


def _lift(shelf: Shelf, number: int) -> Tensor:
    """Return a copy of one segment [layers, 2, groups, length, width]."""
    size = shelf.lengths[number]
    return torch.stack([layer[:, number, :, :size] for layer in shelf.layers])


def _level(parts: Sequence[Tensor]) -> Iterator[Tensor]:
    """Yield by layer [2, parts, groups, longest, width] of [layers, 2, groups, length, width]."""
    size = max(part.shape[3] for part in parts)
    layers, two, groups, _, width = parts[0].shape
    for layer in range(layers):
        whole = parts[0].new_zeros(two, len(parts), groups, size, width)
        for number, part in enumerate(parts):
            whole[:, number, :, : part.shape[3]] = part[layer]
        yield whole


def header_of(kept: list[Tensor], size: int) -> Tensor:
    """Return keys and values [layers, 2, groups, header, width] of the first packed tokens.

    ``kept`` by layer [2, packed, groups, width].
    """
    return torch.stack([layer[:, :size] for layer in kept]).transpose(2, 3).contiguous()
