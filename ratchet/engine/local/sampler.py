"""Sampling: prompts read once as a prefix tree, then one token a row and step.

The header that all prompts share is kept once; each distinct prompt is read once for all of its
completions that come in together; rows that have ended make room for those that wait; a row that
goes on, in this call or from one just written, is not read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ratchet.engine.local.attention import TreeAttention
from ratchet.engine.local.cache import Cache, open_cache
from ratchet.engine.local.choose import choose
from ratchet.engine.local.memory import Memory, header_of
from ratchet.engine.local.network import Network
from ratchet.engine.local.rows import Ended, Row, Stops, go_on, list_rows
from ratchet.engine.local.tree import pack, shared
from ratchet.engine.protocol import Sampling

MAX_ROWS = 256
"""Most rows written side by side."""
CACHE_TOKENS = 32768
"""Most tokens of prompts and completions in the cache beyond the header, filling counted."""
FREE_SHARE = 0.25
"""Share of places that must be free before waiting rows are let in."""
LOGIT_ROWS = 128
"""Most rows whose logits exist at once: more of them would not fit the processor's cache."""


def sample(
    network: Network,
    stops: Stops,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    memory: Memory,
    ended: Ended,
) -> None:
    """Write ``sampling.n`` rows for each prompt, telling of every completion that ends.

    Each row has its own random numbers, drawn from the seed by its place alone, one for every token
    that it writes in all its completions. A row that goes on stays in its place of the cache, and
    reads what was appended one token a step, beside rows that write.
    """
    rows = list_rows(prompts, sampling)
    if rows:
        with torch.inference_mode():
            _Batch(network, stops, sampling, memory, rows, ended).write()


class _Batch:
    """The rows of one call: waiting, being written, done."""

    def __init__(
        self,
        network: Network,
        stops: Stops,
        sampling: Sampling,
        memory: Memory,
        rows: Sequence[Row],
        ended: Ended,
    ) -> None:
        self._network, self._stops, self._sampling, self._memory = network, stops, sampling, memory
        self._ended = ended
        generator = torch.Generator().manual_seed(sampling.seed)
        self._numbers = torch.rand(
            len(rows), sampling.max_tokens, generator=generator, dtype=torch.float64
        )
        self._device = network.embedding.device
        self._live: list[Row] = []
        self._cache: Cache | None = None
        prompts = [row.prompt for row in rows]
        self._going_on = memory.find(prompts)
        self._kept = memory.hand_over(self._going_on)
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
        names = []
        for row in rows:
            name = self._going_on[row.slot]
            assert name is not None
            row.read = list(name[len(self._kept.rows[name][0]) :])
            row.pending = list(row.prompt[len(name) :])
            names.append(name)
        assert self._header.past is not None
        self._cache = self._cache or open_cache(self._header.past)
        reach = max(len(row.read) + len(row.pending) + row.limit for row in rows)
        self._live += [rows[i] for i in self._kept.restore(names, self._cache, reach)]

    def _let_in(self) -> None:
        """Read the prompts of as many waiting rows as there is room for."""
        count = 0
        lengths = [len(row.read) + len(row.pending) + row.limit for row in self._live]
        reach = max([self._sampling.max_tokens, *lengths])
        stems = [] if self._cache is None else list(self._cache.stems.lengths)
        seen: set[tuple[int, ...]] = set()
        for row in self._waiting[: self._room()]:
            if row.prompt not in seen:
                stems.append(len(row.prompt) - self._header.size)
                seen.add(row.prompt)
            own = (len(self._live) + count + 1) * reach
            if len(stems) * max(stems) + own > CACHE_TOKENS and (count or self._live):
                break
            count += 1
        rows, self._waiting = self._waiting[:count], self._waiting[count:]
        if not rows:
            return
        self._choose(rows, self._read(rows))
        self._live += rows
        self._let_out()

    def _read(self, rows: Sequence[Row]) -> Tensor:
        """Read the rows' prompts into the cache; return each row's last hidden state."""
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
            past = self._header.past = header_of(plan.kept, top)
            self._memory.start(prompts[0][:top], past)
        self._cache = self._cache or open_cache(past)
        lengths = [len(where) - top for where in tree.where]
        longest = max(lengths)
        index = torch.tensor(
            [
                [i - start for i in where[top:]] + [0] * (longest - length)
                for where, length in zip(tree.where, lengths, strict=True)
            ],
            device=self._device,
        )
        parts = (layer[:, index].transpose(2, 3) for layer in plan.kept)
        first = self._cache.add_stems(parts, lengths)
        of = [place[row.prompt] for row in rows]
        none = [part[:, :, :, :0].expand(-1, len(rows), -1, -1, -1) for part in past[:, :, None]]
        room = max(row.limit for row in rows)
        self._cache.add_rows(none, [0] * len(rows), [first + i for i in of], room)
        last = torch.tensor([tree.where[i][-1] - start for i in of], device=self._device)
        return packed[last]

    def _step(self) -> None:
        """Read one more token of every live row, and choose the next where none is given."""
        assert self._cache is not None
        fed = [row.pending.pop(0) if row.pending else row.tokens[-1] for row in self._live]
        self._cache.prepare()
        tokens = torch.tensor(fed, device=self._device)
        hidden = self._network.hidden(tokens, self._cache.positions(), self._cache)
        self._cache.advance()
        for row, token in zip(self._live, fed, strict=True):
            row.read.append(token)
        choosing = [i for i, row in enumerate(self._live) if not row.pending]
        if len(choosing) < len(self._live):
            hidden = hidden[torch.tensor(choosing, device=self._device, dtype=torch.long)]
        self._choose([self._live[i] for i in choosing], hidden)

    def _choose(self, rows: Sequence[Row], hidden: Tensor) -> None:
        """Choose a token for each row, and close the rows that end with it."""
        for at in range(0, len(rows), LOGIT_ROWS):
            some = rows[at : at + LOGIT_ROWS]
            numbers = self._numbers[[row.slot for row in some], [row.drawn for row in some]]
            logits = self._network.logits(hidden[at : at + LOGIT_ROWS])
            self._stops.take(some, choose(logits, self._sampling, numbers.to(self._device)))

    def _let_out(self) -> None:
        """Go on with some of the rows that have ended; take the others out, and keep what may be
        gone on with in a later call.
        """
        assert self._cache is not None
        go_on(self._live, self._ended)
        left = [i for i, row in enumerate(self._live) if row.stop is None]
        if len(left) == len(self._live):
            return
        for i, row in enumerate(self._live):
            if row.resumes:
                whole = (*row.prompt, *row.tokens[:-1])
                own = tuple(row.read)
                self._memory.keep(self._cache, i, whole[: len(whole) - len(own)], own)
        self._live = [self._live[i] for i in self._cache.keep(left)]
        if not left:
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
