"""pass@k against binomial coefficients and against what it estimates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle

from ratchet.stats import pass_at_k


@settings(derandomize=True, max_examples=200)
@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), *[st.integers(0, n)] * 2)))
def test_agrees_with_binomial_coefficients(counts: tuple[int, int, int]) -> None:
    n, c, k = counts[0], counts[1], max(1, counts[2])
    expected = 1.0 - math.comb(n - c, k) / math.comb(n, k)
    assert pass_at_k(n, c, k) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize(("p", "n", "k"), [(0.05, 16, 4), (0.3, 10, 1), (0.3, 10, 10), (0.9, 7, 3)])
def test_is_unbiased(p: float, n: int, k: int) -> None:
    passed = np.arange(n + 1)
    weights = oracle.binom.pmf(passed, n, p)
    assert weights @ pass_at_k(n, passed, k) == pytest.approx(1.0 - (1.0 - p) ** k, abs=1e-12)


def test_plugging_in_the_rate_would_be_biased() -> None:
    passed = np.arange(17)
    weights = oracle.binom.pmf(passed, 16, 0.05)
    plugged = weights @ (1.0 - (1.0 - passed / 16) ** 4)
    assert abs(plugged - (1.0 - 0.95**4)) > 0.01


def test_arguments_broadcast() -> None:
    n, c = np.array([[10], [20]]), np.array([0, 3, 10])
    table = pass_at_k(n, c, np.array([[1], [5]]))
    assert table.shape == (2, 3)
    assert table[1, 1] == pytest.approx(1.0 - math.comb(17, 5) / math.comb(20, 5))
    assert list(table[0]) == pytest.approx([0.0, 0.3, 1.0])


def test_plain_integers_give_a_float() -> None:
    value = pass_at_k(4, 1, 2)
    assert isinstance(value, float) and value == 0.5


def test_large_counts_stay_finite() -> None:
    assert pass_at_k(100_000, 1, 1000) == pytest.approx(0.01, rel=1e-9)
    assert pass_at_k(100_000, 50_000, 1000) == 1.0


@pytest.mark.parametrize(
    ("n", "c", "k", "said"),
    [(5, 6, 1, "c <= n"), (5, 2, 6, "n >= k"), (5, -1, 1, "negative"), (5, 2, 0, "at least 1")],
)
def test_impossible_counts_are_refused(n: int, c: int, k: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        pass_at_k(n, c, k)
    with pytest.raises(ValueError, match=said):
        pass_at_k(n, [1, c], [1, k])


def test_rates_and_empty_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        pass_at_k(10, np.array([0.3]), 1)
    with pytest.raises(ValueError, match="whole numbers"):
        pass_at_k(10, [], 1)
