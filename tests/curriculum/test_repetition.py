"""Who says the same thing, against the plain definition and against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.repetition import write_expressions
from bench.sides.plain_repetition import plain_repetition
from ratchet.curriculum import repetition as module
from ratchet.curriculum.repetition import repetition


def bleu_by_hand(matches: int, words: int, pairs: int, bigrams: int, longer: int) -> float:
    """Precision of words and (add-one) of bigrams, geometric mean, and the brevity penalty."""
    precisions = (matches / words) * ((pairs + 1) / (bigrams + 1))
    return math.sqrt(precisions) * math.exp(min(0.0, 1 - longer / words))


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        # 2 of 3 words match, 1 of 2 bigrams: "12 +".
        ("12 + 7", "12 + 8", bleu_by_hand(2, 3, 1, 2, 3)),
        # All 3 words of the shorter, both bigrams, but brevity; 3 of 5 and 2 of 4 of the longer.
        (
            "12 + 7",
            "12 + 7 * 3",
            (bleu_by_hand(3, 3, 2, 2, 5) + bleu_by_hand(3, 5, 2, 4, 3)) / 2,
        ),
    ],
)
def test_texts_are_joined_by_their_bleu(one: str, other: str, both: float) -> None:
    distance = 1 - both
    assert repetition([one, other], distance + 1e-9) == [1.0, 1.0]
    assert repetition([one, other], distance - 1e-9) == [0.0, 0.0]


def test_identical_texts_are_one_cluster_and_strangers_none() -> None:
    assert repetition(["3 * 4"] * 5) == [1.0] * 5
    assert repetition(["a b", "c d", "e f"]) == [0.0] * 3
    assert repetition(["3 * 4"]) == [0.0] and repetition([]) == []
    assert repetition(["a b c", "x y z", "a b c"]) == [0.5, 0.0, 0.5]


def test_clusters_are_linked_in_chains_whatever_the_order() -> None:
    chain = ["a b c d", "b c d e", "c d e f"]
    assert repetition([chain[0], chain[2]]) == [0.0, 0.0]
    for order in ((0, 1, 2), (0, 2, 1), (2, 0, 1), (1, 0, 2)):
        assert repetition([chain[i] for i in order]) == [1.0] * 3


def test_a_text_may_count_itself() -> None:
    assert repetition(["a b c", "x y z", "a b c"], own_share=True) == [2 / 3, 1 / 3, 2 / 3]
    assert repetition(["a"], own_share=True) == [1.0]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("rows", "frequent"), [(256, 32), (7, 3), (1, 0)])
def test_clusters_are_those_of_the_definition(
    seed: int, rows: int, frequent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the size of a block and whichever features are multiplied or added up."""
    monkeypatch.setattr(module, "_ROWS", rows)
    monkeypatch.setattr(module, "_FREQUENT", frequent)
    rng = np.random.default_rng(seed)
    texts = write_expressions(60, rng)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "the", "dog"]
    texts += [" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(30)]
    texts += [texts[i] for i in rng.integers(0, 90, 20)]
    for threshold in (0.3, 0.5, 0.7):
        found = repetition(texts, threshold)
        assert found == plain_repetition(texts, threshold)
        assert 0.0 < float(np.mean(found)) < 1.0


def test_eight_thousand_texts_are_clustered() -> None:
    """As many as the paper's pool; how long it takes is measured in bench.repetition."""
    texts = write_expressions(2000, np.random.default_rng(1)) * 4
    repeated = repetition(texts)
    assert len(repeated) == 8000 and min(repeated) >= 3 / 7999
