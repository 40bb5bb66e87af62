from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.worlds.apportion import apportion, check_weights, draw_by_weight

WEIGHTS = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.01, 100), min_size=1)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.integers(0, 500), WEIGHTS)
def test_shares_sum_and_stay_within_one_of_exact(n: int, weights: dict[str, float]) -> None:
    shares = apportion(n, weights)
    assert sum(shares.values()) == n
    total = sum(weights.values())
    assert all(abs(shares[key] - n * weights[key] / total) < 1.0 + 1e-9 for key in weights)


def test_largest_remainder() -> None:
    assert apportion(10, {"a": 0.55, "b": 0.25, "c": 0.2}) == {"a": 6, "b": 2, "c": 2}
    assert apportion(1, {"a": 1.0, "b": 1.0}) == {"a": 1, "b": 0}


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.integers(0, 80), st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 30)))
def test_draws_are_full_unless_all_sources_are_dry(n: int, stock: dict[str, int]) -> None:
    left = dict(stock)

    def take(key: str, count: int) -> list[str]:
        given_out = min(count, left[key])
        left[key] -= given_out
        return [key] * given_out

    drawn = draw_by_weight(n, dict.fromkeys(stock, 1.0), take)
    assert len(drawn) == min(n, sum(stock.values()))


def test_a_weight_of_zero_draws_nothing() -> None:
    assert draw_by_weight(3, {"a": 0.0, "b": 1.0}, lambda key, n: [key] * n) == ["b"] * 3


@pytest.mark.parametrize("weights", [{}, {"a": 0.0}, {"z": 1.0}, {"a": -1.0}, {"a": float("inf")}])
def test_bad_weights(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        check_weights(weights, ("a", "b"), "family")
