"""The paired bootstrap and the mean: coverage by simulation, degenerate data, bad input.

Coverage is counted over a thousand data sets from a fixed seed; its standard error is 0.7 points.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats as oracle

from ratchet.stats import Interval, mean_interval, paired_bootstrap, wilson_interval
from ratchet.stats._calibrate import effective_df, resampled_deviations

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator], Floats]
RESAMPLES = 600


def coverage(draw: Draw, truth: float, level: float = 0.95) -> float:
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(1000):
        interval = paired_bootstrap(draw(rng), rng=rng, level=level, resamples=RESAMPLES, bound=9.0)
        hits += not interval.excludes(truth)
    return hits / 1000


def wins_and_losses(n: int, win: float, loss: float) -> Draw:
    return lambda rng: rng.choice([1.0, -1.0, 0.0], n, p=[win, loss, 1 - win - loss])


@pytest.mark.parametrize(
    ("draw", "truth", "level"),
    [
        pytest.param(lambda rng: rng.normal(0.1, 0.5, 5), 0.1, 0.95, id="normal-5"),
        pytest.param(lambda rng: rng.normal(0.1, 0.5, 20), 0.1, 0.95, id="normal-20"),
        pytest.param(lambda rng: rng.exponential(0.3, 60), 0.3, 0.95, id="skewed-60"),
        pytest.param(wins_and_losses(30, 0.1, 0.1), 0.0, 0.95, id="binary-30"),
        pytest.param(wins_and_losses(100, 0.2, 0.05), 0.15, 0.95, id="binary-100"),
        pytest.param(wins_and_losses(70, 0.1, 0.02), 0.08, 0.9, id="binary-70-level-90"),
        pytest.param(wins_and_losses(100, 0.2, 0.2), 0.0, 1 - 0.05 / 3, id="binary-100-level-98"),
    ],
)
def test_covers_at_its_level(draw: Draw, truth: float, level: float) -> None:
    assert abs(coverage(draw, truth, level) - level) <= 0.025


@pytest.mark.parametrize(
    ("n", "win", "loss"),
    [(20, 0.05, 0.02), (50, 0.05, 0.02), (100, 0.01, 0.01), (100, 0.03, 0.0), (100, 0.95, 0.0)],
)
def test_few_discordant_items_cover_at_least_nominally(n: int, win: float, loss: float) -> None:
    assert coverage(wins_and_losses(n, win, loss), win - loss) >= 0.94


def clustered(rng: np.random.Generator, clusters: int) -> tuple[Floats, NDArray[np.intp]]:
    """Paired 0/1 scores on problems of unequal difficulty, 1 to 15 attempts each."""
    labels = np.repeat(np.arange(clusters), rng.integers(1, 16, clusters))
    ours, theirs = rng.beta(0.6, 0.9, (2, clusters))
    scores = (rng.random(labels.size) < ours[labels]).astype(float)
    return scores - (rng.random(labels.size) < theirs[labels]), labels


def test_clusters_are_covered_and_ignoring_them_is_not() -> None:
    rng = np.random.default_rng(12)
    hits = np.zeros(2)
    for _ in range(700):
        differences, labels = clustered(rng, 25)
        for i, clusters in enumerate((labels, None)):
            interval = paired_bootstrap(differences, clusters, rng=rng, resamples=RESAMPLES)
            hits[i] += not interval.excludes(0.0)
    with_clusters, without = hits / 700
    assert 0.925 <= with_clusters <= 0.975
    assert without < 0.8


def test_large_normal_samples_agree_with_student_t() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(0.05, 0.1, 2000)
    interval = paired_bootstrap(values, rng=rng, resamples=20_000)
    expected = oracle.t.interval(0.95, 1999, values.mean(), oracle.sem(values))
    width = expected[1] - expected[0]
    assert interval.mean == pytest.approx(values.mean(), abs=1e-12)
    assert (interval.low, interval.high) == pytest.approx(expected, abs=0.03 * width)


def test_skewed_data_give_an_asymmetric_interval() -> None:
    values = np.zeros(60)
    values[:4] = 1.0
    interval = paired_bootstrap(values, rng=np.random.default_rng(1), resamples=10_000)
    assert interval.high - interval.mean > 1.2 * (interval.mean - interval.low)


def test_no_difference_on_any_item_is_not_certainty() -> None:
    rng = np.random.default_rng(0)
    none = paired_bootstrap(np.zeros(400), rng=rng)
    assert none.mean == 0.0 and none.n == 400
    assert none.high == -none.low == pytest.approx(1 - 0.025 ** (1 / 400))
    assert paired_bootstrap(np.zeros(4), rng=rng).high > 0.5
    assert paired_bootstrap([0.0], rng=rng).high == pytest.approx(0.975)


def test_the_constant_interval_covers_a_rare_unlike_item() -> None:
    # the mean lies outside only where the rate of unlike items exceeds 1 - 0.025^(1/n)
    interval = paired_bootstrap(np.zeros(100), rng=np.random.default_rng(0))
    worst = interval.high + 1e-9
    assert (1 - worst) ** 100 <= 0.025


def test_equal_differences_reach_to_the_far_bound_only() -> None:
    interval = paired_bootstrap(np.ones(30), rng=np.random.default_rng(0))
    assert interval.high == interval.mean == 1.0
    assert interval.low == pytest.approx(1 - 2 * (1 - 0.025 ** (1 / 30)))
    third = paired_bootstrap(np.full(30, 0.1 + 0.2), rng=np.random.default_rng(0))
    assert third.width == pytest.approx(2 * (1 - 0.025 ** (1 / 30)))


def test_rounding_is_not_spread() -> None:
    values, labels = np.full(6, 0.1), [0, 1, 1, 2, 2, 2]
    assert len({float(np.bincount(labels, values)[i]) / (i + 1) for i in range(3)}) > 1
    interval = paired_bootstrap(values, labels, rng=np.random.default_rng(0))
    assert interval.width == pytest.approx(2 * (1 - 0.025 ** (1 / 3)))


def test_equal_clusters_count_clusters_and_not_items() -> None:
    labels = np.repeat(np.arange(10), 40)
    interval = paired_bootstrap(np.zeros(400), labels, rng=np.random.default_rng(0))
    assert interval.n == 10
    assert interval.high == pytest.approx(1 - 0.025 ** (1 / 10))


def test_one_discordant_item_is_wider_than_none() -> None:
    rng = np.random.default_rng(3)
    one = np.zeros(400)
    one[7] = 1.0
    interval = paired_bootstrap(one, rng=rng)
    assert not interval.excludes(0.0)
    assert interval.high > paired_bootstrap(np.zeros(400), rng=rng).high


def test_the_interval_stays_within_what_is_possible() -> None:
    values = np.ones(12)
    values[0] = -1.0
    assert paired_bootstrap(values, rng=np.random.default_rng(0)).high == 1.0
    assert paired_bootstrap(-values, rng=np.random.default_rng(0)).low == -1.0


def test_deviations_of_discrete_data_are_spread_over_one_step() -> None:
    residuals = np.zeros(50)
    residuals[:2] = 1.0, -1.0
    rng = np.random.default_rng(0)
    deviations = resampled_deviations(residuals, np.ones(50), 5000, rng) * 50
    assert np.unique(deviations).size == 5000
    assert deviations.var() == pytest.approx(2.0 + 1 / 12, rel=0.06)
    share_of_ties = float(np.mean(np.abs(deviations) < 0.5))
    assert share_of_ties == pytest.approx(float(oracle.skellam.pmf(0, 1, 1)), abs=0.02)


def test_effective_degrees_of_freedom() -> None:
    few = np.zeros(400)
    few[:3] = 1.0
    assert effective_df(few - few.mean()) == pytest.approx(6.0, rel=0.05)
    assert effective_df(np.array([-1.0, 1.0])) == pytest.approx(1.0)
    normal = np.random.default_rng(0).normal(size=100_000)
    assert effective_df(normal - normal.mean()) == pytest.approx(99_999, rel=0.02)
    assert effective_df(np.linspace(-1, 1, 50)) == pytest.approx(49.0)


def test_the_same_generator_gives_the_same_interval() -> None:
    values = np.random.default_rng(1).normal(0, 0.1, 50)
    runs = [paired_bootstrap(values, rng=np.random.default_rng(seed)) for seed in (4, 4, 5)]
    assert runs[0] == runs[1] != runs[2]


def test_names_of_clusters_do_not_matter() -> None:
    values = np.random.default_rng(2).normal(0, 0.1, 60)
    numbers = np.repeat(np.arange(12), 5)
    names = [f"problem-{number:02}" for number in numbers]
    ours, theirs = (
        paired_bootstrap(values, labels, rng=np.random.default_rng(0))
        for labels in (numbers, names)
    )
    assert ours == theirs and ours.n == 12


def test_large_inputs_are_drawn_in_pieces_that_agree_with_the_whole() -> None:
    values = np.random.default_rng(3).normal(0.02, 0.1, 30_000)
    interval = paired_bootstrap(values, rng=np.random.default_rng(0), resamples=400)
    assert interval.width == pytest.approx(2 * 1.96 * float(oracle.sem(values)), rel=0.15)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=40),
    shift=st.floats(-1, 1),
    labelled=st.booleans(),
)
def test_shifting_the_data_shifts_the_interval(
    values: list[float], shift: float, labelled: bool
) -> None:
    clusters = [i // 2 for i in range(len(values))] if labelled else None
    data = np.array(values)
    assume(np.ptp(data) == 0.0 or np.ptp(data) > 1e-6)  # between, rounding decides

    def at(x: Floats) -> Interval:
        return paired_bootstrap(x, clusters, rng=np.random.default_rng(0), resamples=400, bound=1e6)

    base, moved = at(data), at(data + shift)
    assert base.low <= base.mean <= base.high
    assert moved.mean == pytest.approx(base.mean + shift, abs=1e-9)
    assert (moved.low, moved.high) == pytest.approx(
        (base.low + shift, base.high + shift), rel=1e-5, abs=1e-5
    )


@pytest.mark.parametrize(
    ("differences", "arguments", "said"),
    [
        ([], {}, "empty"),
        ([0.0, float("nan")], {}, r"differences\[1\] is nan"),
        ([0.0, float("inf")], {}, "inf"),
        ([[0.0, 1.0]], {}, "one-dimensional"),
        ([0.0, 1.5], {}, "beyond the possible"),
        ([0.0, 1.0], {"bound": 0.0}, "bounds"),
        ([0.0, 1.0], {"bound": float("inf")}, "bounds"),
        ([0.0, 1.0], {"clusters": [1]}, "2 cluster labels"),
        ([0.0, 1.0], {"level": 1.0}, "between 0 and 1"),
        ([0.0, 0.0], {"level": 0.0}, "between 0 and 1"),
        ([0.0, 1.0], {"level": float("nan")}, "between 0 and 1"),
        ([0.0, 1.0], {"resamples": 99}, "at least 200"),
        ([0.0, 1.0], {"resamples": 2000, "level": 0.999}, "at least 10000"),
    ],
)
def test_bad_input_is_refused(
    differences: list[float], arguments: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        paired_bootstrap(differences, rng=np.random.default_rng(0), **arguments)  # type: ignore[arg-type]


def test_binary_accuracy_is_wilson_and_draws_nothing() -> None:
    rng = np.random.default_rng(6)
    before = rng.bit_generator.state
    values = [1, 1, 0, 1, 1]
    assert mean_interval(values, rng=rng) == wilson_interval(4, 5)
    assert mean_interval(values, list("abcde"), rng=rng) == wilson_interval(4, 5)
    assert rng.bit_generator.state == before


@pytest.mark.parametrize(("rate", "least"), [(0.5, 0.93), (0.9, 0.93), (0.98, 0.95)])
def test_clustered_accuracy_covers_up_to_the_ends(rate: float, least: float) -> None:
    rng = np.random.default_rng(13)
    labels = np.repeat(np.arange(50), 8)
    hits = np.zeros(2)
    for _ in range(1000):
        chance = rng.beta(2.3 * rate, 2.3 * (1 - rate), 50)
        values = (rng.random(400) < chance[labels]).astype(float)
        for i, clusters in enumerate((labels, None)):
            hits[i] += not mean_interval(values, clusters, rng=rng).excludes(rate)
    with_clusters, without = hits / 1000
    assert least <= with_clusters <= 0.99
    assert without < 0.8


def test_partial_credit_covers_and_stays_within_bounds() -> None:
    rng = np.random.default_rng(14)
    hits = 0
    for _ in range(1000):
        values = rng.choice([0.0, 0.5, 1.0], 60, p=[0.1, 0.2, 0.7])
        interval = mean_interval(values, rng=rng, resamples=RESAMPLES)
        assert interval.low >= 0.0 and interval.high <= 1.0
        hits += not interval.excludes(0.8)
    assert 0.925 <= hits / 1000 <= 0.975


def test_full_partial_credit_is_not_certain() -> None:
    half = mean_interval(np.full(50, 0.5), rng=np.random.default_rng(0))
    rate = 1 - 0.025 ** (1 / 50)
    assert (half.low, half.high) == pytest.approx((0.5 - 0.5 * rate, 0.5 + 0.5 * rate))


def test_scores_out_of_bounds_are_refused() -> None:
    with pytest.raises(ValueError, match="beyond the possible"):
        mean_interval([0.2, 1.2], rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="strictly between"):
        mean_interval([0.0, 1.0], rng=np.random.default_rng(0), level=1.0)
    wide = mean_interval([0.2, 1.2, 2.0], rng=np.random.default_rng(0), bounds=(0.0, 3.0))
    assert wide.high <= 3.0
