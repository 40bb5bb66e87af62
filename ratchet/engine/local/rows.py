"""Rows being written, and where they end: by a token, by a stop text, by their length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tokenizers import Tokenizer

from ratchet.core.task import StopReason
from ratchet.engine.local.choose import Choice
from ratchet.engine.protocol import Sampling


@dataclass
class Row:
    """One completion being written, perhaps after others of the same row."""

    prompt: tuple[int, ...]
    """Its prompt: all that stands before it."""
    slot: int
    """Place in the draw of random numbers: prompt * n + number of the completion."""
    limit: int
    """Most tokens."""
    written: int = 0
    """Tokens of the row's completions before this one."""
    pending: list[int] = field(default_factory=list)
    """Tokens of the prompt still to be read, one a step."""
    read: list[int] = field(default_factory=list)
    """Tokens in its own part of the cache."""
    tokens: list[int] = field(default_factory=list)
    """What was written."""
    logprobs: list[float] = field(default_factory=list)
    """Of each token under the distribution it was drawn from."""
    stop: StopReason | None = None
    """Why it ended."""
    resumes: bool = False
    """Whether it may be gone on with: stop texts were given, and no end token was written."""

    @property
    def drawn(self) -> int:
        """How many of its random numbers are used up."""
        return self.written + len(self.tokens)

    def go_on(self, tokens: Sequence[int]) -> None:
        """Begin a further completion after some tokens; the last one written is still unread."""
        self.pending = [self.tokens[-1], *tokens]
        self.prompt = (*self.prompt, *self.tokens, *tokens)
        self.limit -= len(self.tokens)
        self.written += len(self.tokens)
        self.tokens, self.logprobs, self.stop, self.resumes = [], [], None, False


Ended = Callable[[Row], Sequence[int] | None]
"""Is told of a row whose completion has ended; returns what it goes on with, or None."""


def go_on(rows: Sequence[Row], ended: Ended) -> None:
    """Tell of the rows that have ended, by place, and begin the next completion of some."""
    for row in sorted((row for row in rows if row.stop is not None), key=lambda row: row.slot):
        tokens = ended(row)
        if tokens is not None and len(row.tokens) < row.limit:
            row.go_on(tokens)


def list_rows(prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Row]:
    """Return ``sampling.n`` rows for each prompt, in order."""
    return [
        Row(tuple(prompt), number * sampling.n + draw, sampling.limit(number))
        for number, prompt in enumerate(prompts)
        for draw in range(sampling.n)
    ]


class Closers:
    """For each character, the tokens whose text contains it; worked out once a character."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._texts: list[str] = []
        self._found: dict[str, frozenset[int] | None] = {}

    def of(self, character: str) -> frozenset[int] | None:
        """Return the tokens, or None if a token may hold a part of the character's bytes."""
        if not character.isascii():
            return None
        if character not in self._found:
            if not self._texts:
                size = self.tokenizer.get_vocab_size(with_added_tokens=True)
                self._texts = self.tokenizer.decode_batch([[i] for i in range(size)])
            holding = (i for i, text in enumerate(self._texts) if character in text)
            self._found[character] = frozenset(holding)
        return self._found[character]


class Stops:
    """Closes rows; stop texts are looked for in the last few tokens, where a new one can lie."""

    def __init__(self, closers: Closers, ends: frozenset[int], stop: Sequence[str]) -> None:
        self._ends = ends
        self._tokenizer = closers.tokenizer
        self._stop = tuple(stop)
        self._reach = 1 + max((len(text.encode()) for text in stop), default=0)
        sets = [closers.of(text[-1]) for text in stop]
        known = [tokens for tokens in sets if tokens is not None]
        self._last = frozenset().union(*known) if len(known) == len(sets) else None

    def take(self, rows: Sequence[Row], choice: Choice) -> None:
        """Append a chosen token to each row that is open, and close those that end with it."""
        written = []
        for row, token, logprob in zip(
            rows, choice.tokens.tolist(), choice.logprobs.tolist(), strict=True
        ):
            if row.stop is None:
                row.tokens.append(token)
                row.logprobs.append(logprob)
                if token in self._ends:
                    row.stop = StopReason.END
                else:
                    written.append(row)
        for row in self._completed(written):
            row.stop, row.resumes = StopReason.END, True
        for row in written:
            if row.stop is None and len(row.tokens) == row.limit:
                row.stop, row.resumes = StopReason.LENGTH, bool(self._stop)

    def _completed(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows in whose text a stop text has just been completed."""
        if not self._stop:
            return []
        if self._last is not None:
            rows = [row for row in rows if row.tokens[-1] in self._last]
        tails = [row.tokens[-self._reach :] for row in rows]
        texts = self._tokenizer.decode_batch(tails, skip_special_tokens=True)
        return [
            row
            for row, text in zip(rows, texts, strict=True)
            if any(stop in text for stop in self._stop)
        ]
