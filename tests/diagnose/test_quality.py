"""The quality probe: everyday texts, and a change of perplexity worked out by hand."""

from __future__ import annotations

import math

import pytest

from ratchet.core.seeds import Seed
from ratchet.diagnose.quality import compare_quality, everyday_texts, score_texts
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.protocol import Full


def test_there_are_two_hundred_everyday_texts() -> None:
    texts = everyday_texts()
    assert len(texts) == 200 == len(set(texts))
    assert all(12 <= len(text.split()) <= 25 for text in texts)
    assert all(text.isascii() and not any(c.isdigit() for c in text) for text in texts)
    assert all(text == text.strip() and text[-1] in '.?!"' for text in texts)


def test_perplexity_by_hand() -> None:
    before = [(4 * math.log(2), 4), (2 * math.log(8), 2)]
    after = [(4 * math.log(4), 4), (2 * math.log(16), 2)]
    quality = compare_quality(before, after, Seed(1))
    # By token: (4 ln 2 + 2 ln 8) / 6 = 10 ln 2 / 6; after, one more ln 2 a token.
    assert quality.before == pytest.approx(2 ** (10 / 6))
    assert quality.after == pytest.approx(2 ** (16 / 6))
    # Every text became twice as perplexing.
    assert quality.relative.mean == pytest.approx(1.0)
    assert quality.relative.n == 2


def test_no_change_is_zero_and_a_gain_is_negative() -> None:
    scored = [(10.0 + i, 5 + i) for i in range(30)]
    same = compare_quality(scored, scored, Seed(1)).relative
    assert (same.mean, same.low, same.high) == pytest.approx((0, 0, 0), abs=0.5)
    better = compare_quality(scored, [(nll / 2, n) for nll, n in scored], Seed(1)).relative
    assert better.high < 0
    worse = compare_quality([(nll / 2, n) for nll, n in scored], scored, Seed(1)).relative
    assert worse.low > 0 and worse.low < worse.mean < worse.high


def test_texts_count_equally_in_the_interval() -> None:
    """One long text that changed weighs as much as a short one that did not."""
    before, after = [(100.0, 100), (1.0, 1)], [(200.0, 100), (1.0, 1)]
    assert compare_quality(before, after, Seed(1)).relative.mean == pytest.approx(math.expm1(0.5))


def test_scorings_of_other_texts_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        compare_quality([(1.0, 1)] * 2, [(1.0, 1)] * 3, Seed(1))


def test_texts_are_scored_by_the_policy() -> None:
    engine = FakeEngine({"table": Tabular(("a", "b"), lambda text: "")})
    engine.create("p", "table", Full())
    # Characters have log-probability 0 under a table; what is counted is every token but the first.
    assert score_texts(engine, "p", ["abc", "de"]) == [(0.0, 2), (0.0, 1)]
