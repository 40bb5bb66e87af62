"""Wilson's interval: against scipy, and its exact coverage up to the ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as oracle

from ratchet.stats import wilson_interval
from ratchet.stats.proportion import clustered_proportion


def exact_coverage(n: int, rates: np.ndarray) -> np.ndarray:
    """Coverage of the 95% interval at each rate, summed over all outcomes."""
    intervals = [wilson_interval(x, n) for x in range(n + 1)]
    low, high = np.array([i.low for i in intervals]), np.array([i.high for i in intervals])
    chance = oracle.binom.pmf(np.arange(n + 1), n, rates[:, None])
    covered = (low <= rates[:, None]) & (rates[:, None] <= high)
    return np.asarray((chance * covered).sum(axis=1))


@pytest.mark.parametrize("level", (0.9, 0.95, 0.99))
def test_agrees_with_scipy_away_from_the_ends(level: float) -> None:
    for n, x in ((8, 4), (50, 4), (50, 46), (400, 200)):
        expected = oracle.binomtest(x, n).proportion_ci(level, method="wilson")
        interval = wilson_interval(x, n, level)
        assert interval.low == pytest.approx(expected.low, rel=1e-9)
        assert interval.high == pytest.approx(expected.high, rel=1e-9)
        assert (interval.mean, interval.n) == (x / n, n)


@pytest.mark.parametrize("n", (5, 20, 100, 400))
def test_covers_at_every_rate(n: int) -> None:
    ends = 10.0 ** np.linspace(-5, -2, 300)
    coverage = exact_coverage(n, np.concatenate([ends, np.linspace(0.001, 0.999, 999), 1 - ends]))
    assert coverage.min() >= 0.915
    assert coverage.mean() >= 0.945


def test_near_the_ends_coverage_is_nominal_on_average() -> None:
    for n in (50, 200):
        rates = np.linspace(0.9, 0.9999, 500)
        assert 0.945 <= float(exact_coverage(n, rates).mean()) <= 0.98


def test_one_success_takes_the_poisson_limit() -> None:
    # plain Wilson puts this end at 0.1767 / n; exp(-limit) = 0.95 puts it at 0.0513 / n
    assert wilson_interval(1, 400).low == pytest.approx(-math.log(0.95) / 400, rel=1e-6)
    assert wilson_interval(399, 400).high == pytest.approx(1 + math.log(0.95) / 400, rel=1e-9)


def test_the_two_ends_mirror_each_other() -> None:
    for x in range(12):
        one, other = wilson_interval(x, 12), wilson_interval(12 - x, 12)
        assert one.low == pytest.approx(1 - other.high, abs=1e-12)


def test_all_or_none_is_not_certain() -> None:
    z = float(oracle.norm.ppf(0.975))
    none, full = wilson_interval(0, 100), wilson_interval(100, 100)
    assert (none.low, full.high) == (0.0, 1.0)
    assert none.high == pytest.approx(z * z / (100 + z * z))
    assert full.low == pytest.approx(100 / (100 + z * z))


@pytest.mark.parametrize(("x", "n", "level"), [(3, 2, 0.9), (-1, 2, 0.9), (0, 0, 0.9), (1, 2, 1.0)])
def test_impossible_counts_and_levels_are_refused(x: int, n: int, level: float) -> None:
    with pytest.raises(ValueError, match=r"successes|level"):
        wilson_interval(x, n, level)


def test_equal_clusters_count_as_one_trial_each() -> None:
    passed = clustered_proportion(np.full(10, 8.0), np.full(10, 8.0), 0.95)
    assert passed.low == pytest.approx(wilson_interval(10, 10).low)
    assert passed.n == 10


def test_effective_sample_size_comes_from_the_spread_between_clusters() -> None:
    # 40 clusters, all right or all wrong: eight copies of each trial are worth hardly more than one
    sums = np.where(np.arange(40) < 20, 8.0, 0.0)
    interval = clustered_proportion(sums, np.full(40, 8.0), 0.95)
    assert interval.width == pytest.approx(wilson_interval(20, 40).width, rel=0.06)
    assert interval.width > 2.5 * wilson_interval(160, 320).width
