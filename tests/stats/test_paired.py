"""McNemar, sign test and equivalence: against scipy, and their rates of error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle

from ratchet.stats import equivalence, mcnemar, sign_test


@settings(derandomize=True, max_examples=200)
@given(b=st.integers(0, 400), c=st.integers(0, 400))
def test_mcnemar_is_the_exact_binomial_test(b: int, c: int) -> None:
    expected = oracle.binomtest(b, b + c).pvalue if b + c else 1.0
    assert mcnemar(b, c) == pytest.approx(float(expected), rel=1e-9)
    assert mcnemar(b, c) == mcnemar(c, b)


def test_mcnemar_by_hand() -> None:
    assert mcnemar(0, 5) == pytest.approx(2 / 32)
    assert mcnemar(0, 5, mid_p=True) == pytest.approx(1 / 32)
    assert mcnemar(1, 3, mid_p=True) == pytest.approx(2 * 5 / 16 - 4 / 16)
    assert mcnemar(2, 2) == 1.0
    assert mcnemar(2, 2, mid_p=True) == pytest.approx(1 - 0.5 * 6 / 16)
    assert mcnemar(0, 0) == mcnemar(0, 0, mid_p=True) == 1.0


def test_mcnemar_stays_finite_on_large_counts() -> None:
    assert mcnemar(500_000, 500_500) == pytest.approx(
        float(oracle.binomtest(500_000, 1_000_500).pvalue), rel=1e-6
    )
    assert 0.0 <= mcnemar(0, 100_000) < 1e-300


@pytest.mark.parametrize("n", (6, 17, 40, 200))
def test_error_rates_of_mcnemar_by_enumeration(n: int) -> None:
    chance = oracle.binom.pmf(np.arange(n + 1), n, 0.5)

    def rejected(mid_p: bool) -> float:
        p = np.array([mcnemar(b, n - b, mid_p=mid_p) for b in range(n + 1)])
        return float(chance[p <= 0.05].sum())

    assert 0.01 <= rejected(mid_p=False) <= 0.05
    assert rejected(mid_p=False) <= rejected(mid_p=True) <= 0.06


def test_sign_test_drops_ties_and_ignores_size() -> None:
    assert sign_test([0.1, 5.0, 0.01, 0.0, 0.0, -9.0]) == mcnemar(3, 1)
    assert sign_test([0.0, 0.0]) == 1.0


def test_sign_test_holds_its_level() -> None:
    rng = np.random.default_rng(21)
    draws = rng.standard_t(2, (2000, 40)) * (rng.random((2000, 40)) < 0.8)
    assert 0.02 <= np.mean([sign_test(row) <= 0.05 for row in draws]) <= 0.06


def rate_of_equivalence(mean: float, respect_clusters: bool = True) -> float:
    """Share of 800 simulated studies (40 problems, six attempts each) that find +-0.2."""
    rng = np.random.default_rng(22)
    labels = np.repeat(np.arange(40), 6)
    clusters = labels if respect_clusters else None
    found = 0
    for _ in range(800):
        values = mean + rng.normal(0, 0.25, 40)[labels] + rng.normal(0, 0.4, 240)
        found += equivalence(values, 0.2, clusters, rng=rng, resamples=400, bound=9.0).equivalent
    return found / 800


@pytest.mark.parametrize("mean", (0.2, -0.2))
def test_equivalence_errs_at_alpha_on_the_margin(mean: float) -> None:
    assert 0.03 <= rate_of_equivalence(mean) <= 0.067


def test_equivalence_errs_more_where_clusters_are_ignored() -> None:
    assert rate_of_equivalence(0.2, respect_clusters=False) > 0.1


def test_equivalence_is_found_where_it_holds() -> None:
    assert rate_of_equivalence(0.0) > 0.95


def test_equivalence_reports_the_interval_that_decides() -> None:
    values = np.zeros(400)
    values[:6] = [1, 1, 1, -1, -1, -1]
    result = equivalence(values, 0.02, rng=np.random.default_rng(0))
    assert result.equivalent and result.margin == 0.02
    assert result.interval.inside(-0.02, 0.02) and result.interval.n == 400
    assert not equivalence(values, 0.008, rng=np.random.default_rng(0)).equivalent
    narrow = equivalence(values, 0.02, rng=np.random.default_rng(0), alpha=0.2).interval
    assert narrow.width < result.interval.width


def test_no_difference_on_few_items_is_not_equivalence() -> None:
    rng = np.random.default_rng(0)
    assert not equivalence(np.zeros(30), 0.05, rng=rng).equivalent
    assert equivalence(np.zeros(400), 0.05, rng=rng).equivalent


def test_bad_input_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="negative"):
        mcnemar(-1, 3)
    with pytest.raises(ValueError, match="empty"):
        sign_test([])
    with pytest.raises(ValueError, match="nan"):
        sign_test([float("nan")])
    for margin in (0.0, -0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="margin"):
            equivalence([0.1, 0.2], margin, rng=rng)
    for alpha in (0.0, 0.5, 1.0):
        with pytest.raises(ValueError, match="alpha"):
            equivalence([0.1, 0.2], 0.1, rng=rng, alpha=alpha)
    with pytest.raises(ValueError, match="cluster labels"):
        equivalence([0.1, 0.2], 0.1, [1], rng=rng)
