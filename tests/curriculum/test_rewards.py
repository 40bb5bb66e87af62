"""What a proposal earns, against numbers worked out by hand."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from ratchet.curriculum.rewards import (
    ProposerWeights,
    Tried,
    combine,
    pay,
    planted_payment,
    repetition,
    tool_use,
    uncertainty,
)


@pytest.mark.parametrize(("p", "earned"), [(0, 0), (0.25, 0.5), (0.5, 1), (0.75, 0.5), (1, 0)])
def test_uncertainty_is_greatest_at_a_half(p: float, earned: float) -> None:
    assert uncertainty(p) == earned


@pytest.mark.parametrize(
    ("calls", "cap", "earned"),
    [((), 4, 0.0), ((0, 0), 4, 0.0), ((4, 9), 4, 1.0), ((1, 3), 4, 0.5), ((1, 0), 1, 0.5)],
)
def test_tool_use_is_the_mean_of_capped_calls(
    calls: tuple[int, ...], cap: int, earned: float
) -> None:
    assert tool_use(calls, cap) == earned


def test_rewards_add_up_and_never_fall_below_zero() -> None:
    weights = ProposerWeights(1.0, 0.5, 2.0)
    assert combine(True, 1.0, 0.5, 0.25, weights) == 0.75
    assert combine(True, 0.1, 0.0, 1.0, weights) == 0.0
    assert combine(False, 1.0, 1.0, 0.0, weights) == 0.0


def test_a_batch_is_paid_as_worked_out_by_hand() -> None:
    tried = [
        Tried("2 + 2", True, 0.5, (1, 0)),
        Tried("2 + 2", True, 0.5, (0, 0)),
        Tried("7 * 8 - 9", True, 0.75, (4, 8)),
        Tried("hello", False),
        Tried("91 - 3", True, 1.0, (0, 0)),
    ]
    paid = pay(tried, ProposerWeights(uncertainty=1.0, tool=0.6, repetition=1.0))
    # Among four valid texts the two equal ones each have one other of three beside them.
    assert paid.terms["repetition"] == pytest.approx((1 / 3, 1 / 3, 0, 0, 0))
    assert paid.terms["uncertainty"] == pytest.approx((1, 1, 0.5, 0, 0))
    assert paid.terms["tool"] == pytest.approx((1 / 8, 0, 1, 0, 0))
    hand = (1 + 0.6 / 8 - 1 / 3, 1 - 1 / 3, 0.5 + 0.6, 0, 0)
    assert paid.rewards == pytest.approx(hand)
    assert set(paid.changed.values()) == {(True, True)}


def test_a_weight_of_nothing_switches_a_term_off() -> None:
    tried = [Tried("1 + 1", True, 0.5, (4,)), Tried("1 + 1", True, 0.5, (4,))]
    paid = pay(tried, ProposerWeights(uncertainty=1.0, tool=0.0, repetition=0.0))
    assert paid.rewards == (1.0, 1.0)
    assert set(paid.changed) == {"reward.uncertainty", "reward.format"}


def test_a_term_that_had_nothing_to_pay_for_did_not_occur() -> None:
    paid = pay([Tried("1 + 1", True, 1.0, (0,))], ProposerWeights())
    assert paid.rewards == (0.0,)
    assert set(paid.changed.values()) == {(False, False), (False, True)}
    assert paid.changed["reward.format"] == (False, True)
    assert pay([], ProposerWeights()).rewards == ()


def test_a_term_that_occurs_without_effect_is_told() -> None:
    """Repetition that only takes from what is 0 anyway changes nothing."""
    paid = pay([Tried("1 + 1", True, 1.0)] * 2, ProposerWeights())
    assert paid.changed["reward.repetition"] == (True, False)


def test_the_planted_batch_moves_every_term() -> None:
    changed = planted_payment(ProposerWeights()).changed
    assert set(changed) == {f"reward.{t}" for t in ("uncertainty", "tool", "repetition", "format")}
    assert set(changed.values()) == {(True, True)}


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


def test_two_hundred_texts_are_clustered_quickly() -> None:
    rng = np.random.default_rng(1)
    pairs = rng.integers(0, 99, (200, 2))
    texts = [f"{a} {'+-*/'[i % 4]} {b}" for i, (a, b) in enumerate(pairs)]
    began = time.process_time()
    repeated = repetition(texts)
    assert time.process_time() - began < 5
    assert len(repeated) == 200 and all(0 <= r <= 1 for r in repeated)
