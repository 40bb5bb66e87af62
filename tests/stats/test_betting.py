"""Betting e-values: exact expectation, error under watching, what they are on signs."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats as oracle

from ratchet.stats import adaptive_log_wealth, log_e_value, log_e_values, tally
from ratchet.stats.betting import STAKES, WEIGHTS

SIGNS = np.array([-1.0, 0.0, 1.0])


def expected(chance: dict[float, float], n: int, mean: float, adaptive: bool = False) -> float:
    """Return the exact expectation of the e-value of n values, by enumerating all samples."""
    total = 0.0
    for sample in itertools.product(chance, repeat=n):
        values = np.array(sample)
        log_e = adaptive_log_wealth(values, mean)[-1] if adaptive else log_e_value(values, mean)
        total += math.prod(chance[v] for v in sample) * math.exp(log_e)
    return total


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("n", [1, 5, 7])
def test_the_wealth_is_expected_to_stay_what_it_was(n: int, adaptive: bool) -> None:
    fair = {-1.0: 0.2, 0.0: 0.6, 1.0: 0.2}
    assert expected(fair, n, 0.0, adaptive) == pytest.approx(1.0, abs=1e-12)
    graded = {-1.0: 0.1, -0.1: 0.5, 0.375: 0.4}
    assert expected(graded, n, 0.0, adaptive) == pytest.approx(1.0, abs=1e-12)
    if n > 1:  # the adaptive bet starts with nothing
        assert expected(graded, n, -0.2, adaptive) > 1.0
        assert expected(graded, n, 0.2, adaptive) < 1.0


def test_on_signs_it_is_a_likelihood_ratio_averaged_over_alternatives() -> None:
    up, down, same = 31, 14, 200
    ratios = [
        oracle.binom.pmf(up, up + down, (1 + s) / 2) / oracle.binom.pmf(up, up + down, 0.5)
        for s in STAKES
    ]
    found = log_e_values(SIGNS, [down, same, up])
    assert float(found) == pytest.approx(math.log(float(WEIGHTS @ ratios)))
    assert WEIGHTS.sum() == pytest.approx(1.0) and STAKES.min() > 0 and STAKES.max() < 1


def test_counts_samples_and_orders_agree() -> None:
    rng = np.random.default_rng(3)
    samples = rng.choice([-1.0, -0.5, 0.0, 1.0], size=(4, 50))
    values = np.array([-1.0, -0.5, 0.0, 1.0])
    counts = (samples[..., None] == values).sum(axis=1)
    found = log_e_values(values, counts, -0.1)
    assert found.shape == (4,)
    for row, log_e in zip(samples, found, strict=True):
        assert log_e_value(row, -0.1) == pytest.approx(log_e)
        assert log_e_value(rng.permutation(row), -0.1) == pytest.approx(log_e)
        assert float(log_e_values(*tally(row), -0.1)) == pytest.approx(log_e)


def ever(chance: list[float], values: list[float], alpha: float, mean: float = 0.0) -> float:
    """Share of 2000 samples whose evidence reaches 1/alpha after any of 400 values."""
    rng = np.random.default_rng(11)
    steps = rng.multinomial(1, chance, size=(2000, 400)).cumsum(axis=1)
    log_e = log_e_values(values, steps, mean)
    return float((log_e.max(axis=1) >= -math.log(alpha)).mean())


@pytest.mark.parametrize(
    ("chance", "values"),
    [
        ([0.05, 0.9, 0.05], [-1.0, 0.0, 1.0]),
        ([0.25, 0.5, 0.25], [-1.0, 0.0, 1.0]),
        ([0.2, 0.8], [-1.0, 0.25]),
        ([0.8, 0.2], [-0.25, 1.0]),
    ],
)
def test_watching_every_value_errs_at_most_at_alpha(
    chance: list[float], values: list[float]
) -> None:
    assert ever(chance, values, 0.05) <= 0.05 + 0.01
    assert ever(chance, values, 0.05) > 0.001
    assert ever(chance, values, 0.05, mean=-0.1) > 0.3


def test_a_true_gain_is_found() -> None:
    assert ever([0.05, 0.8, 0.15], [-1.0, 0.0, 1.0], 0.0025) > 0.8


def test_the_adaptive_bet_looks_back_only() -> None:
    path = adaptive_log_wealth(np.array([1.0, 1.0, -1.0, 1.0]))
    assert path[0] == 0.0
    assert path[1] == pytest.approx(math.log(1.9), abs=1e-3)
    assert path[2] < path[1]
    assert adaptive_log_wealth(np.array([1.0, 1.0, -1.0, -1.0]))[2] == path[2]


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond the possible"):
        log_e_value([0.0, 1.5])
    with pytest.raises(ValueError, match="must lie between"):
        log_e_value([0.0], mean=-1.0)
    with pytest.raises(ValueError, match="as many counts"):
        log_e_values(SIGNS, [1, 2])
    with pytest.raises(ValueError, match="empty"):
        log_e_value([])
