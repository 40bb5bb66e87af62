"""Sampling: prompts read once as a prefix tree, then one token a row and step.

The header that all prompts share is kept once; each distinct prompt is read once however many
completions it gets; rows that have ended make room for those that wait; a row that goes on from one
just written is not read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ratchet.engine.local.attention import TreeAttention
from ratchet.engine.local.cache import Cache
from ratchet.engine.local.choose import choose
from ratchet.engine.local.memory import Memory, header_of, start_cache
from ratchet.engine.local.network import Network
from ratchet.engine.local.rows import Row, Stops, list_rows
from ratchet.engine.local.tree import pack, shared
from ratchet.engine.protocol import Sampling

MAX_ROWS = 256
"""Most rows written side by side."""
CACHE_TOKENS = 32768
"""Most tokens of prompts and completions in the cache, beyond the header."""
FREE_SHARE = 0.25
"""Share of places that must be free before waiting rows are let in."""
ENDED_SHARE = 0.15
"""Share of ended rows from which they are taken out of the batch."""


def sample(
    network: Network,
    stops: Stops,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    memory: Memory,
) -> list[Row]:
    """Write ``sampling.n`` completions for each prompt and return their rows in order.

    Each completion has its own random numbers, drawn from the seed by its place alone.
    """
    rows = list_rows(prompts, sampling)
    if rows:
        with torch.inference_mode():
            _Batch(network, stops, sampling, memory, rows).write()
    return rows


class _Batch:
    """The rows of one call: waiting, being written, done."""

    def __init__(
        self,
        network: Network,
        stops: Stops,
        sampling: Sampling,
        memory: Memory,
        rows: Sequence[Row],
    ) -> None:
        self._network, self._stops, self._sampling, self._memory = network, stops, sampling, memory
        generator = torch.Generator().manual_seed(sampling.seed)
        self._numbers = torch.rand(
            len(rows), sampling.max_tokens, generator=generator, dtype=torch.float64
        )
        self._device = network.embedding.device
        self._live: list[Row] = []
        self._cache: Cache | None = None
        prompts = [row.prompt for row in rows]
        self._going_on = memory.find(prompts)
        self._kept = memory.hand_over()
        self._header = _header(prompts, memory, any(self._going_on))
        order = sorted(rows, key=lambda row: (len(row.prompt), row.prompt, row.slot))
        self._waiting = [row for row in order if self._going_on[row.slot] is None]
        self._resumed = [row for row in order if self._going_on[row.slot] is not None]

    def write(self) -> None:
        """Write every row to its end."""
        while self._live or self._resumed or self._waiting:
            if self._resumed and self._room() > 0:
                self._resume()
            elif self._waiting and self._room() > 0:
                self._let_in()
            if self._live:
                self._step()
                self._let_out()

    def _room(self) -> int:
        """Return how many rows may come in now: none until there is room for a good number."""
        free = MAX_ROWS - len(self._live)
        return free if free >= FREE_SHARE * MAX_ROWS or not self._live else 0

    def _resume(self) -> None:
        """Take up as many rows whose beginning is kept as there is room for."""
        room = self._room()
        rows, self._resumed = self._resumed[:room], self._resumed[room:]
        kept = [self._going_on[row.slot] for row in rows]
        cache, order = self._kept.restore([name for name in kept if name is not None])
        for row, name in zip(rows, kept, strict=True):
            assert name is not None
            row.read = list(name[len(self._kept.rows[name][0]) :])
            row.pending = list(row.prompt[len(name) :])
        self._join([rows[i] for i in order], cache)

    def _join(self, rows: list[Row], cache: Cache) -> None:
        """Write these rows beside the live ones."""
        if self._cache is None or not self._live:
            self._cache, self._live = cache, rows
        else:
            self._cache.join(cache)
            self._live += rows

    def _let_in(self) -> None:
        """Read the prompts of as many waiting rows as there is room for."""
        room, used, count = self._room(), self._used(), 0
        seen: set[tuple[int, ...]] = set()
        for row in self._waiting[:room]:
            used += self._sampling.max_tokens
            used += 0 if row.prompt in seen else len(row.prompt) - self._header.size
            seen.add(row.prompt)
            if used > CACHE_TOKENS and (count or self._live):
                break
            count += 1
        rows, self._waiting = self._waiting[:count], self._waiting[count:]
        if not rows:
            return
        hidden, cache = self._read(rows)
        self._choose(rows, hidden)
        self._join(rows, cache)
        self._let_out()

    def _used(self) -> int:
        """Return the tokens that the live rows may come to fill."""
        if self._cache is None:
            return 0
        return sum(self._cache.stem_lengths) + len(self._live) * self._sampling.max_tokens

    def _read(self, rows: Sequence[Row]) -> tuple[Tensor, Cache]:
        """Read the rows' prompts; return each row's last hidden state and a cache of them."""
        prompts = list(dict.fromkeys(row.prompt for row in rows))
        place = {prompt: i for i, prompt in enumerate(prompts)}
        top, past = self._header.size, self._header.past
        tree = pack(prompts, header=top)
        start = top if past is not None else 0
        plan = TreeAttention(tree, self._device, keep=True, past=past)
        tokens = torch.tensor(tree.tokens[start:], device=self._device)
        positions = torch.tensor(tree.positions[start:], device=self._device)
        packed = self._network.hidden(tokens, positions, plan)
        assert plan.kept is not None
        if past is None:
            past = header_of(plan.kept, top)
            self._header.past = past
            self._memory.start(prompts[0][:top], past)
        stems = [where[top:] for where in tree.where]
        of = [place[row.prompt] for row in rows]
        cache = start_cache(plan.kept, past, start, stems, of)
        last = torch.tensor([stems[i][-1] - start for i in of], device=self._device)
        return packed[last], cache

    def _step(self) -> None:
        """Read one more token of every live row, and choose the next where none is given."""
        assert self._cache is not None
        fed = [row.pending.pop(0) if row.pending else row.tokens[-1] for row in self._live]
        self._cache.prepare()
        tokens = torch.tensor(fed, device=self._device)
        hidden = self._network.hidden(tokens, self._cache.positions(), self._cache)
        self._cache.advance()
        for row, token in zip(self._live, fed, strict=True):
            if row.stop is None:
                row.read.append(token)
        choosing = [i for i, row in enumerate(self._live) if not row.pending and row.stop is None]
        if len(choosing) < len(self._live):
            hidden = hidden[torch.tensor(choosing, device=self._device, dtype=torch.long)]
        self._choose([self._live[i] for i in choosing], hidden)

    def _choose(self, rows: Sequence[Row], hidden: Tensor) -> None:
        """Choose a token for each row, and close the rows that end with it."""
        if not rows:
            return
        numbers = self._numbers[[row.slot for row in rows], [len(row.tokens) for row in rows]]
        choice = choose(self._network.logits(hidden), self._sampling, numbers.to(self._device))
        self._stops.take(rows, choice)

    def _let_out(self) -> None:
        """Take ended rows out when they are many, and keep what may be gone on with."""
        ended = sum(row.stop is not None for row in self._live)
        if ended <= ENDED_SHARE * len(self._live):
            return
        assert self._cache is not None
        for i, row in enumerate(self._live):
            if row.resumes:
                whole = (*row.prompt, *row.tokens[:-1])
                own = tuple(row.read)
                self._memory.keep(self._cache, i, whole[: len(whole) - len(own)], own)
        left = [i for i, row in enumerate(self._live) if row.stop is None]
        self._live = [self._live[i] for i in left]
        if left:
            self._cache.select(left)
        else:
            self._cache = None


@dataclass
class _Header:
    """What all prompts of a call begin with."""

    size: int
    """Tokens."""
    past: Tensor | None = None
    """Keys and values, once they are known."""


def _header(prompts: Sequence[tuple[int, ...]], memory: Memory, resumes: bool) -> _Header:
    """Return the header of some prompts: that of the call before if a row goes on from it.

    Nothing else is taken over from an earlier call: the rounding of what is sampled must not depend
    on what was sampled before.
    """
    if resumes:
        return _Header(len(memory.header_tokens), memory.header)
    return _Header(min(shared(min(prompts), max(prompts)), min(map(len, prompts)) - 1))
