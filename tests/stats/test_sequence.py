"""Confidence sequences: their ends, and what they cover while somebody watches."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ratchet.stats import anytime_interval, log_e_value, log_e_values, mean_interval


def test_an_end_is_where_a_bet_just_fails_to_refute() -> None:
    values = np.array([1.0] * 40 + [0.0] * 50 + [-1.0] * 15 + [0.3] * 20)
    interval = anytime_interval(values, level=0.9)
    assert interval.low < values.mean() < interval.high and interval.n == 125
    needed = math.log(2 / (1 - 0.9))
    assert log_e_value(values, interval.low) == pytest.approx(needed, abs=1e-6)
    assert log_e_value(-values, -interval.high) == pytest.approx(needed, abs=1e-6)
    assert log_e_value(values, interval.low - 0.02) > needed
    assert anytime_interval(values, level=0.99).width > interval.width


@pytest.mark.parametrize("mean", [0.0, 0.3, -0.7])
def test_the_mean_is_covered_at_all_looks_together(mean: float) -> None:
    """The interval holds a mean unless one of the two bets refuted it, so ask the bets."""
    rng = np.random.default_rng(5)
    chance = [0.3 * (1 - mean), 0.4, 0.3 * (1 + mean)]
    truth = chance[2] - chance[0]
    counts = rng.multinomial(1, chance, size=(2000, 300)).cumsum(axis=1)
    values = np.array([-1.0, 0.0, 1.0])
    up = log_e_values(values, counts, truth)
    down = log_e_values(-values, counts, -truth)
    missed = (np.maximum(up, down) >= math.log(2 / 0.05)).any(axis=1)
    assert 0.0 < missed.mean() <= 0.05 + 0.01


def test_intervals_for_a_fixed_number_fail_where_this_one_holds() -> None:
    rng = np.random.default_rng(6)
    missed = {"anytime": 0, "fixed": 0}
    for _ in range(120):
        values = rng.choice([-1.0, 0.0, 1.0], p=[0.2, 0.6, 0.2], size=160)
        looks = [values[:n] for n in range(20, 161, 20)]
        missed["anytime"] += any(anytime_interval(seen).excludes(0.0) for seen in looks)
        fixed = [
            mean_interval(s, rng=rng, resamples=200, bounds=(-1.0, 1.0)).excludes(0.0)
            for s in looks
        ]
        missed["fixed"] += any(fixed)
    assert missed["anytime"] <= 0.05 * 120
    assert missed["fixed"] > 0.1 * 120


def test_other_bounds_and_ends_of_the_range() -> None:
    scores = np.array([1.0] * 30)
    interval = anytime_interval(scores, bounds=(0.0, 1.0))
    assert (interval.mean, interval.high) == (1.0, 1.0) and 0.75 < interval.low < 0.95
    mirrored = anytime_interval(1.0 - scores, bounds=(0.0, 1.0))
    assert mirrored.high == pytest.approx(1.0 - interval.low) and mirrored.low == 0.0
    one = anytime_interval([0.5], bounds=(0.0, 1.0))
    assert one.low < 0.02 and one.high > 0.98


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        anytime_interval([0.0], level=1.0)
    with pytest.raises(ValueError, match="beyond"):
        anytime_interval([2.0])
