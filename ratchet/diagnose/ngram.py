"""A character n-gram: a small model of text that is fitted in one pass, without a model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

_END = "\x03"
_ALPHABET = 97
"""Printable characters, the line end and the end mark: what the empty context is unsure of."""


class NGram:
    """Interpolated by Witten and Bell's rule (IEEE Trans. Inf. Theory 37, 1991):

    P(c | h) = (n(h, c) + t(h) P(c | shorter h)) / (n(h) + t(h)), t(h) the number of different
    characters seen after h; below the empty context all characters are equally likely.
    """

    def __init__(self, texts: Iterable[str], order: int = 5) -> None:
        self.order = order
        self._pairs = Counter[tuple[str, str]]()
        self._contexts = Counter[str]()
        self._kinds = Counter[str]()
        for text in texts:
            for at, character in enumerate(text + _END):
                for size in range(min(at, order - 1) + 1):
                    context = text[at - size : at]
                    self._pairs[context, character] += 1
                    self._contexts[context] += 1
                    if self._pairs[context, character] == 1:
                        self._kinds[context] += 1

    def losses(self, text: str) -> list[float]:
        """Return -log P of each character and of the end, in nats."""
        return [-math.log(self._chance(text, at, c)) for at, c in enumerate(text + _END)]

    def _chance(self, text: str, at: int, character: str) -> float:
        chance = 1.0 / _ALPHABET
        for size in range(min(at, self.order - 1) + 1):
            context = text[at - size : at]
            seen = self._contexts[context]
            if not seen:
                break
            kinds = self._kinds[context]
            chance = (self._pairs[context, character] + kinds * chance) / (seen + kinds)
        return chance
