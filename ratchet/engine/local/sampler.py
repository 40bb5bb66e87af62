"""Sampling: prompts read once as a prefix tree, then one token a row and step.

The header that all prompts share is kept once for all rows; each distinct prompt is read once
however many completions it gets; rows that have ended leave the batch when they are many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ratchet.core.task import StopReason
from ratchet.engine.local.attention import CacheAttention, start_cache
from ratchet.engine.local.base import Base, Network
from ratchet.engine.local.choose import Choice, choose
from ratchet.engine.local.tree import pack
from ratchet.engine.protocol import Completion, Sampling

MAX_ROWS = 256
"""Most rows sampled together."""
CACHE_TOKENS = 32768
"""Most cached tokens of all rows together, beyond the shared header."""
ENDED_SHARE = 0.15
"""Share of ended rows from which they are taken out of the batch."""


@dataclass
class _Row:
    """One completion being written."""

    prompt: int
    """Index of its prompt."""
    slot: int
    """Place in the draw of random numbers: prompt * n + number of the completion."""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stop: StopReason | None = None


def sample(
    base: Base, network: Network, prompts: Sequence[Sequence[int]], sampling: Sampling
) -> list[list[Completion]]:
    """Sample ``sampling.n`` completions for each prompt, in order.

    Each completion has its own random numbers, drawn from the seed by its place alone.
    """
    generator = torch.Generator().manual_seed(sampling.seed)
    count = len(prompts) * sampling.n
    numbers = torch.rand(count, sampling.max_tokens, generator=generator, dtype=torch.float64)
    rows = [_Row(slot // sampling.n, slot) for slot in range(count)]
    order = sorted(rows, key=lambda row: (len(prompts[row.prompt]), row.slot))
    tails = _Tails(base, sampling.stop)
    with torch.inference_mode():
        for chunk in _chunks(order, prompts, sampling):
            _write(base, network, prompts, chunk, sampling, numbers, tails)
    done = [
        Completion(
            tuple(row.tokens),
            tuple(row.logprobs),
            base.decode(row.tokens),
            row.stop or StopReason.LENGTH,
        )
        for row in rows
    ]
    return [done[i : i + sampling.n] for i in range(0, count, sampling.n)]


def _chunks(
    rows: list[_Row], prompts: Sequence[Sequence[int]], sampling: Sampling
) -> list[list[_Row]]:
    """Cut rows, shortest prompts first, so that each chunk's cache stays bounded."""
    chunks: list[list[_Row]] = []
    chunk: list[_Row] = []
    for row in rows:
        cached = (len(chunk) + 1) * (len(prompts[row.prompt]) + sampling.max_tokens)
        if chunk and (len(chunk) == MAX_ROWS or cached > CACHE_TOKENS):
            chunks.append(chunk)
            chunk = []
        chunk.append(row)
    return [*chunks, chunk] if chunk else chunks


def _write(
    base: Base,
    network: Network,
    prompts: Sequence[Sequence[int]],
    rows: list[_Row],
    sampling: Sampling,
    numbers: Tensor,
    tails: _Tails,
) -> None:
    """Write the completions of one chunk."""
    device = network.head.weight.device
    hidden, cache = _read(network, prompts, rows, sampling)
    numbers = numbers[[row.slot for row in rows]]
    live = rows
    for step in range(sampling.max_tokens):
        choice = choose(network.logits(hidden), sampling, numbers[:, step].to(device))
        _take(base, live, choice, tails)
        if step + 1 == sampling.max_tokens or all(row.stop for row in live):
            return
        tokens = choice.tokens
        ended = sum(row.stop is not None for row in live)
        if ended > ENDED_SHARE * len(live):
            kept = [i for i, row in enumerate(live) if row.stop is None]
            live = [live[i] for i in kept]
            index = torch.tensor(kept, device=device)
            numbers, tokens = numbers[kept], tokens[index]
            cache.select(index)
        positions = (cache.header_length + cache.lengths)[:, None]
        hidden = network.hidden(tokens[:, None], positions, cache)[:, 0]
        cache.advance()


def _read(
    network: Network, prompts: Sequence[Sequence[int]], rows: list[_Row], sampling: Sampling
) -> tuple[Tensor, CacheAttention]:
    """Read the chunk's prompts; return each row's last hidden state and the filled cache."""
    distinct = {tuple(prompts[row.prompt]): i for i, row in enumerate(rows)}
    place = {prompt: i for i, prompt in enumerate(distinct)}
    tree = pack(list(distinct))
    packed, plan = network.read(tree, keep=True)
    of_row = [place[tuple(prompts[row.prompt])] for row in rows]
    last = torch.tensor([tree.where[i][-1] for i in of_row], device=packed.device)
    longest = max(len(where) for where in tree.where) - tree.levels[0].size
    room = longest + min(sampling.max_tokens, 32)
    return packed[last], start_cache(tree, plan, of_row, room)


def _take(base: Base, rows: list[_Row], choice: Choice, tails: _Tails) -> None:
    """Append the chosen tokens to the rows still open, and close those that end with them."""
    tokens, logprobs = choice.tokens.tolist(), choice.logprobs.tolist()
    open_rows = []
    for row, token, logprob in zip(rows, tokens, logprobs, strict=True):
        if row.stop is None:
            row.tokens.append(token)
            row.logprobs.append(logprob)
            if token in base.ends:
                row.stop = StopReason.END
            else:
                open_rows.append(row)
    tails.close(open_rows)


class _Tails:
    """Looks for stop texts in the last few tokens of a row, where a new one can only lie."""

    def __init__(self, base: Base, stop: Sequence[str]) -> None:
        self._base = base
        self._stop = tuple(stop)
        self._reach = 1 + max((len(text.encode()) for text in stop), default=0)

    def close(self, rows: list[_Row]) -> None:
        """End the rows in whose text a stop text has just been completed."""
        if not self._stop:
            return
        tails = [row.tokens[-self._reach :] for row in rows]
        texts = self._base.tokenizer.decode_batch(tails, skip_special_tokens=True)
        for row, text in zip(rows, texts, strict=True):
            if any(stop in text for stop in self._stop):
                row.stop = StopReason.END
