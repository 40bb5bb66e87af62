"""Repetition as it is defined: BLEU of every pair, one by one, then connected components."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence


def plain_repetition(texts: Sequence[str], threshold: float = 0.5) -> list[float]:
    """Return each text's share of the batch in its cluster, beyond itself."""
    count = len(texts)
    labels = list(range(count))
    for i in range(count):
        for j in range(i):
            both = (plain_bleu(texts[i], texts[j]) + plain_bleu(texts[j], texts[i])) / 2
            if 1.0 - both < threshold:
                old, new = labels[i], labels[j]
                labels = [new if label == old else label for label in labels]
    sizes = Counter(labels)
    return [(sizes[label] - 1) / max(count - 1, 1) for label in labels]


def plain_bleu(text: str, reference: str) -> float:
    """Return bigram BLEU, add-one smoothed on bigrams, of a text against one reference."""
    mine, other = text.split(), reference.split()
    precisions = []
    for n in (1, 2):
        ours, theirs = (
            Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
            for words in (mine, other)
        )
        matches, total = sum((ours & theirs).values()), sum(ours.values())
        precisions.append((matches + (n > 1)) / max(total + (n > 1), 1))
    brevity = math.exp(min(0.0, 1.0 - len(other) / max(len(mine), 1)))
    return math.sqrt(precisions[0] * precisions[1]) * brevity
