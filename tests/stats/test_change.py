"""Evidence of a change, wherever it comes, and the shift of a mean: errors within their budget."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_ind

from ratchet.stats import (
    Summary,
    log_change_evidence,
    log_e_value,
    pool,
    shift,
    spend,
    strata_weights,
    t_quantile,
    wilson_interval,
)

RNG = np.random.default_rng


def test_no_samples_and_empty_samples_are_no_evidence() -> None:
    assert log_change_evidence([]) == 0.0
    assert log_change_evidence([[], []]) == pytest.approx(0.0)


def test_the_gamblers_share_the_wealth() -> None:
    first, second = [0.5, -0.2], [1.0, 0.4]
    whole, late = log_e_value([*first, *second]), log_e_value(second)
    expected = math.exp(whole) / 2 + math.exp(late) / 6 + 1 / 3
    assert log_change_evidence([first, second]) == pytest.approx(math.log(expected))


def test_without_a_change_evidence_is_rarely_found_however_long_one_looks() -> None:
    rng, found = RNG(1), 0
    for _ in range(120):
        samples = [rng.choice([-1.0, 1.0], size=20) for _ in range(8)]
        found += any(
            log_change_evidence(samples[:n]) >= math.log(20) for n in range(1, len(samples) + 1)
        )
    assert wilson_interval(found, 120).low <= 0.05


@pytest.mark.parametrize("late", [0, 6])
def test_a_change_is_found_early_or_late(late: int) -> None:
    rng = RNG(2)
    samples = [rng.choice([-1.0, 1.0], size=30, p=[0.6, 0.4]) for _ in range(late)]
    samples += [rng.choice([-1.0, 1.0], size=30, p=[0.15, 0.85]) for _ in range(3)]
    assert log_change_evidence(samples[:late]) < 0.5
    assert log_change_evidence(samples) > math.log(100)
    # One gambler who started at the beginning has lost too much to notice.
    if late:
        assert log_e_value(np.concatenate(samples)) < math.log(100)


def test_shift_is_welchs_interval() -> None:
    now, then = RNG(3).normal(1.0, 2.0, 14), RNG(4).normal(0.0, 0.5, 40)
    found = shift(Summary.of(now), Summary.of(then), 0.9)
    expected = ttest_ind(now, then, equal_var=False).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-6)
    still = shift(Summary.of([1.0, 1.0]), Summary.of([0.5, 0.5]))
    assert (still.low, still.high) == (0.5, 0.5)
    with pytest.raises(ValueError, match="level"):
        shift(Summary.of(now), Summary.of(then), 1.0)


def test_times_scales_mean_and_spread() -> None:
    values = RNG(5).normal(size=9)
    scaled, direct = Summary.of(values).times(3.0), Summary.of(3.0 * values)
    assert scaled.n == direct.n
    assert (scaled.mean, scaled.variance) == pytest.approx((direct.mean, direct.variance))


def test_a_few_equal_values_are_not_certain() -> None:
    never, always = Summary.of([0.0] * 4), Summary.of([1.0] * 4)
    assert shift(always, never).low == 1.0
    assert 0.0 < shift(always.cautious(), never.cautious()).low < 0.5
    added = Summary.of([0, 0, 0, 0, 0, 1])
    found = never.cautious()
    assert found.n == added.n
    assert (found.mean, found.variance) == pytest.approx((added.mean, added.variance))


def test_a_change_of_mix_is_no_shift() -> None:
    easy, hard = RNG(6).normal(0.8, 0.05, 60), RNG(7).normal(0.2, 0.05, 60)
    then = [Summary.of(easy[:10]), Summary.of(hard[:50])]
    now = [Summary.of(easy[10:]), Summary.of(hard[50:])]
    weights = strata_weights(now, then)
    assert sum(weights) == pytest.approx(1.0) and weights[0] == pytest.approx(weights[1])
    still = shift(pool(now, weights), pool(then, weights))
    assert abs(still.mean) < 0.03 and not still.excludes(0.0)
    risen = [Summary.of(easy[10:]), Summary.of(hard[50:] + 0.3)]
    assert shift(pool(risen, weights), pool(then, weights)).low > 0.1
    few = Summary.of([1.0])
    assert strata_weights([few, now[0]], [then[0], then[0]]) == [0.0, 1.0]
    assert strata_weights([few], [then[0]]) == strata_weights([], []) == []


def test_the_error_of_a_weighted_mean() -> None:
    one, two = Summary.of(RNG(1).normal(size=30)), Summary.of(RNG(2).normal(size=50))
    assert pool([one, two], [1.0, 0.0]).interval() == one.interval()
    both = pool([one, two], [0.25, 0.75]).interval()
    error = math.sqrt(0.0625 * one.variance / 30 + 0.5625 * two.variance / 50)
    assert both.mean == pytest.approx(0.25 * one.mean + 0.75 * two.mean)
    assert both.high - both.mean == pytest.approx(t_quantile(0.975, 79) * error)
    assert Summary.of([1.0] * 4).interval().low == 1.0


def test_looks_never_spend_more_than_the_budget() -> None:
    assert spend(0.05, 1) == 0.025
    assert 0.0499 < sum(spend(0.05, look) for look in range(1, 2000)) < 0.05
