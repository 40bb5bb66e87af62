"""Texts that a benchmark holds, found again in what a system was trained on.

Two exact tests over words: a shared run of ``ngram`` words (arXiv 2005.14165, appendix C, uses 13),
and near duplicates by the Jaccard similarity of three-word shingles. An inverted index gives the
similarity itself, which MinHash only estimates; benchmarks are small enough for that (ten thousand
items take seconds), and `datasketch` would bring scipy into the evaluator's process.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

_WORD = re.compile(r"\w+")
_SHINGLE = 3
LEAST_WORDS = 5
"""An item of fewer words is no benchmark item: it would be found everywhere."""


class TextIndex:
    """Finds the items of a benchmark in texts. All is exact; case and punctuation do not count."""

    def __init__(self, items: Iterable[str], ngram: int = 13, similarity: float = 0.7) -> None:
        self._ngram, self._similarity = ngram, similarity
        self._runs: dict[tuple[str, ...], int] = {}
        self._sizes: list[int] = []
        self._homes: dict[tuple[str, ...], list[int]] = {}
        for words in map(read_words, items):
            if len(words) < LEAST_WORDS:
                continue
            number = len(self._sizes)
            for run in _runs(words, min(ngram, len(words))):
                self._runs.setdefault(run, number)
            shingles = set(_runs(words, _SHINGLE))
            self._sizes.append(len(shingles))
            for shingle in shingles:
                self._homes.setdefault(shingle, []).append(number)
        self._lengths = sorted({len(run) for run in self._runs})

    def __len__(self) -> int:
        return len(self._sizes)

    def find(self, text: str) -> int | None:
        """Return the number of an item (among those of enough words) that the text repeats.

        It repeats an item if both share a run of ``ngram`` words (all words of a shorter item), or
        if they are as similar as ``similarity``, in [0, 1].
        """
        words = read_words(text)
        for length in self._lengths:
            for run in _runs(words, length):
                if run in self._runs:
                    return self._runs[run]
        shingles = set(_runs(words, _SHINGLE))
        shared = Counter(home for shingle in shingles for home in self._homes.get(shingle, ()))
        for home, count in shared.most_common():
            if count >= self._similarity * (len(shingles) + self._sizes[home] - count):
                return home
        return None


def read_words(text: str) -> Sequence[str]:
    """Return the words of a text, without case, punctuation or forms of the same character."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _runs(words: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[i : i + length]) for i in range(len(words) - length + 1))
