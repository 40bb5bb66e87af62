"""Repetition: which of a batch of proposals say the same thing.

The definition takes every pair of texts; this computes it in blocks of rows. Matches of clipped
n-grams are scalar products: the m-th occurrence of an n-gram is a feature of its own, so that
shared features count min(a, b). Frequent features are multiplied as a dense matrix, rare ones added
up from the pairs that share them, and those of a single text are left out. Memory grows with the
number of different texts, time with its square: 8,000 arithmetic proposals take seconds on a core
(``python -m bench.repetition``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_ROWS = 256
"""Texts that are compared with all others at a time."""
_FREQUENT = 32
"""A feature of more texts than this is multiplied, of fewer added up pair by pair."""


def repetition(
    texts: Sequence[str], threshold: float = 0.5, own_share: bool = False
) -> list[float]:
    """Return, for each text, the share of the batch in its cluster, beyond itself.

    Texts are joined when 1 - BLEU < threshold (bigram BLEU, symmetrised by the mean, add-one
    smoothed on bigrams), and clusters are the connected components. Deviations from the released
    code: single linkage instead of average linkage, and a text alone in its cluster costs nothing;
    with ``own_share`` a text counts itself, as there: |cluster| / batch.
    """
    count = len(texts)
    if count < 2:
        return [float(own_share)] * count
    unique = sorted(set(texts))
    labels = dict(zip(unique, clusters(unique, threshold), strict=True))
    sizes = Counter(labels[text] for text in texts)
    if own_share:
        return [sizes[labels[text]] / count for text in texts]
    return [(sizes[labels[text]] - 1) / (count - 1) for text in texts]


def clusters(texts: Sequence[str], threshold: float = 0.5) -> list[int]:
    """Return a label for each of these different texts: equal labels, one cluster."""
    words = [text.split() for text in texts]
    lengths = np.array([len(each) for each in words], dtype=np.float64)
    grams = [_Matches([_features(each, n) for each in words]) for n in (1, 2)]
    labels = np.arange(len(texts))
    for start in range(0, len(texts), _ROWS):
        stop = min(start + _ROWS, len(texts))
        ones, twos = (matches.block(start, stop) for matches in grams)
        both = _bleu(ones, twos, lengths[start:stop], lengths[:stop])
        for row, close in enumerate(1.0 - both < threshold, start):
            near = np.flatnonzero(close[: row + 1])
            joined = np.unique(labels[near])
            if len(joined) > 1:
                labels[np.isin(labels, joined)] = joined[0]
    return [int(label) for label in labels]


def _bleu(ones: Array, twos: Array, mine: Array, others: Array) -> Array:
    """Return BLEU between rows and columns, the mean of both directions."""

    def one_way(length: Array, reference: Array) -> Array:
        words, pairs = np.maximum(length, 1.0), np.maximum(length - 1.0, 0.0) + 1.0
        precision = np.sqrt(ones / words * ((twos + 1.0) / pairs))
        return precision * np.exp(np.minimum(0.0, 1.0 - reference / words))

    return (one_way(mine[:, None], others[None, :]) + one_way(others[None, :], mine[:, None])) / 2


def _features(words: Sequence[str], n: int) -> list[tuple[object, ...]]:
    """Return a text's n-grams, each with the number of its occurrence."""
    seen = Counter[tuple[str, ...]]()
    found: list[tuple[object, ...]] = []
    for start in range(len(words) - n + 1):
        gram = tuple(words[start : start + n])
        found.append((*gram, seen[gram]))
        seen[gram] += 1
    return found


class _Matches:
    """How many features each pair of texts shares, block by block."""

    def __init__(self, features: Sequence[Sequence[tuple[object, ...]]]) -> None:
        holders: dict[tuple[object, ...], list[int]] = {}
        for text, found in enumerate(features):
            for feature in found:
                holders.setdefault(feature, []).append(text)
        frequent = [texts for texts in holders.values() if len(texts) > _FREQUENT]
        self._dense = np.zeros((len(features), len(frequent)), dtype=np.float32)
        for column, texts in enumerate(frequent):
            self._dense[texts, column] = 1.0
        pairs = [
            np.array(np.meshgrid(texts, texts)).reshape(2, -1)
            for texts in holders.values()
            if 1 < len(texts) <= _FREQUENT
        ]
        rare = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), dtype=np.int64)
        self._rare = rare[:, np.argsort(rare[0], kind="stable")]
        self._own = np.array([len(found) for found in features], dtype=np.float64)

    def block(self, start: int, stop: int) -> Array:
        """Return the matches of texts ``start`` to ``stop`` with those before ``stop``."""
        found = (self._dense[start:stop] @ self._dense[:stop].T).astype(np.float64)
        low, high = np.searchsorted(self._rare[0], [start, stop])
        rows, columns = self._rare[0, low:high] - start, self._rare[1, low:high]
        inside = columns < stop
        at = rows[inside] * stop + columns[inside]
        found += np.bincount(at, minlength=found.size).reshape(found.shape)
        # A feature that only one text has was left out: a text matches itself wholly.
        found[np.arange(stop - start), np.arange(start, stop)] = self._own[start:stop]
        return found
