"""Means over seeds: against scipy, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats as oracle

from ratchet.stats import hierarchical_bootstrap, paired_bootstrap, seed_interval

Floats = NDArray[np.float64]


def study(
    rng: np.random.Generator, shape: tuple[int, int], seeds: float, problems: float, shared: bool
) -> Floats:
    """Scores around 0 with the given standard deviations of seed and problem effects."""
    n_seeds, n_problems = shape
    by_problem = rng.normal(0, problems, (1 if shared else n_seeds, n_problems))
    return rng.normal(0, seeds, (n_seeds, 1)) + by_problem + rng.normal(0, 0.1, shape)


def coverage(
    seeds: float, problems: float, shared: bool, shape: tuple[int, int] = (5, 40)
) -> float:
    rng = np.random.default_rng(31)
    hits = 0
    for _ in range(400):
        interval = hierarchical_bootstrap(
            study(rng, shape, seeds, problems, shared),
            shared_problems=shared,
            rng=rng,
            resamples=400,
            bounds=(-9.0, 9.0),
        )
        hits += not interval.excludes(0.0)
    return hits / 400


def test_seed_interval_agrees_with_scipy() -> None:
    values = [0.31, 0.28, 0.35, 0.30, 0.33]
    for level in (0.9, 0.95, 1 - 0.05 / 3):
        interval = seed_interval(values, level)
        expected = oracle.t.interval(level, 4, np.mean(values), oracle.sem(values))
        assert (interval.low, interval.high) == pytest.approx(expected, rel=1e-9)
    assert seed_interval(values).n == 5


@pytest.mark.parametrize("seeds", (2, 5, 20))
def test_seed_interval_covers(seeds: int) -> None:
    rng = np.random.default_rng(30)
    draws = rng.normal(0.4, 0.05, (2000, seeds))
    hits = np.mean([not seed_interval(row).excludes(0.4) for row in draws])
    assert 0.94 <= hits <= 0.96


def test_equal_seeds_have_zero_width() -> None:
    interval = seed_interval([0.5] * 5)
    assert interval.low == interval.mean == interval.high == 0.5


@pytest.mark.parametrize("seeds", (0.05, 0.3))
def test_own_problems_are_covered(seeds: float) -> None:
    assert 0.925 <= coverage(seeds, 0.3, shared=False) <= 0.98


@pytest.mark.parametrize(("seeds", "problems"), [(0.0, 0.3), (0.05, 0.3), (0.2, 0.05)])
def test_shared_problems_are_covered(seeds: float, problems: float) -> None:
    assert 0.925 <= coverage(seeds, problems, shared=True) <= 0.985


def test_seeds_and_problems_add_up() -> None:
    assert 0.925 <= coverage(0.3, 0.3, shared=True, shape=(25, 25)) <= 0.975


def test_where_neither_differs_the_interval_is_only_a_little_wide() -> None:
    assert 0.94 <= coverage(0.0, 0.0, shared=True) <= 0.99
    assert 0.94 <= coverage(0.0, 0.0, shared=False) <= 0.99


def test_seed_means_alone_miss_the_luck_of_shared_problems() -> None:
    rng = np.random.default_rng(32)
    studies = [study(rng, (5, 40), 0.01, 0.3, shared=True) for _ in range(1000)]
    assert np.mean([not seed_interval(x.mean(axis=1)).excludes(0.0) for x in studies]) < 0.6


def test_pooling_all_items_misses_the_luck_of_seeds() -> None:
    rng = np.random.default_rng(33)
    hits = 0
    for _ in range(300):
        scores = study(rng, (5, 40), 0.1, 0.3, shared=False)
        pooled = paired_bootstrap(scores.ravel(), rng=rng, resamples=400, bound=9.0)
        hits += not pooled.excludes(0.0)
    assert hits / 300 < 0.75


def test_every_seed_weighs_the_same() -> None:
    rng = np.random.default_rng(0)
    ragged = [[0.0, 0.1, 0.0, 0.1] * 20, [0.4, 0.5]]
    interval = hierarchical_bootstrap(ragged, shared_problems=False, rng=rng)
    assert interval.mean == pytest.approx(0.25) and interval.n == 2


def test_equal_scores_are_not_certain() -> None:
    rng = np.random.default_rng(0)
    for shared in (True, False):
        interval = hierarchical_bootstrap(np.zeros((5, 400)), shared_problems=shared, rng=rng)
        assert interval.high == -interval.low == pytest.approx(1 - 0.025 ** (1 / 400))


def test_equal_seed_means_keep_the_noise_of_problems() -> None:
    rng = np.random.default_rng(0)
    row = np.tile([0.0, 1.0], 50)
    for shared, items in ((True, 100), (False, 500)):
        interval = hierarchical_bootstrap(np.stack([row] * 5), shared_problems=shared, rng=rng)
        assert interval.width == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(items), rel=0.08)


def test_a_checkerboard_of_scores_still_has_width() -> None:
    board = np.indices((4, 6)).sum(axis=0) % 2
    interval = hierarchical_bootstrap(
        board.astype(float), shared_problems=True, rng=np.random.default_rng(0)
    )
    assert interval.width > 0.1


def test_the_same_generator_gives_the_same_interval() -> None:
    scores = study(np.random.default_rng(1), (4, 30), 0.05, 0.1, shared=True)
    for shared in (True, False):
        one, two, other = (
            hierarchical_bootstrap(scores, shared_problems=shared, rng=np.random.default_rng(seed))
            for seed in (2, 2, 3)
        )
        assert one == two != other


def test_bad_input_is_refused() -> None:
    rng = np.random.default_rng(0)
    for values, said in (([0.5], "at least two"), ([], "empty"), ([0.1, float("nan")], "nan")):
        with pytest.raises(ValueError, match=said):
            seed_interval(values)
    with pytest.raises(ValueError, match="strictly between"):
        seed_interval([0.1, 0.2], level=1.0)
    for rows, shared, said in (
        ([[0.1, 0.2]], True, "at least two of them, got 1"),
        ([], True, "got 0"),
        ([[0.1], [0.2]], True, "under every seed"),
        ([[0.1, 0.2], []], False, "empty"),
        ([[0.1, 0.2], [0.1, 0.2, 0.3]], True, "as many scores"),
        ([[0.1, 0.2], [0.1, 1.2]], True, "beyond the possible"),
        ([[0.1, 0.2], [0.1, float("nan")]], True, r"by_seed\[1\]\[1\] is nan"),
    ):
        with pytest.raises(ValueError, match=said):
            hierarchical_bootstrap(rows, shared_problems=shared, rng=rng)
    with pytest.raises(ValueError, match="strictly between"):
        hierarchical_bootstrap([[0.1, 0.2]] * 2, shared_problems=True, rng=rng, level=0.0)
    with pytest.raises(ValueError, match="at least 200"):
        hierarchical_bootstrap([[0.1, 0.2]] * 2, shared_problems=True, rng=rng, resamples=10)
