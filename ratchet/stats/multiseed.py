"""Means over training seeds: one value a seed, or scores by seed and problem.

Not here: items of one run (`bootstrap`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ratchet.stats._calibrate import (
    calibrated_interval,
    constant_interval,
    effective_df,
    no_spread,
    resampled_deviations,
)
from ratchet.stats._inputs import (
    Floats,
    bounded_vector,
    check_level,
    check_resamples,
    finite_vector,
)
from ratchet.stats.interval import Interval
from ratchet.stats.student_t import t_quantile


def seed_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Mean over seeds with Student's t interval (Student, Biometrika 6, 1908).

    `values` is a vector, one summary per seed, two seeds or more. The interval speaks of further
    seeds *on the same problems*: where all seeds are measured on one set of problems, the luck of
    that set moves them together and is invisible here. Then, for a statement about new problems
    (coverage may otherwise fall below half), use `hierarchical_bootstrap`. Equal values give a
    zero width: that is what a metric that does not depend on the seed looks like, and where it is
    the mean of few items, `hierarchical_bootstrap` knows how few.
    Raises ValueError on fewer than two or non-finite values, or a level outside (0, 1).
    """
    check_level(level)
    seeds = finite_vector(values, "values")
    n = seeds.size
    if n < 2:
        raise ValueError("one seed has no spread: give at least two values")
    mean = float(seeds.mean())
    half = t_quantile(0.5 * (1.0 + level), n - 1.0) * math.sqrt(float(seeds.var(ddof=1)) / n)
    return Interval(mean, mean - half, mean + half, n)


def hierarchical_bootstrap(
    by_seed: Sequence[Sequence[float]] | Floats,
    *,
    shared_problems: bool,
    rng: np.random.Generator,
    level: float = 0.95,
    resamples: int = 2000,
    bounds: tuple[float, float] = (-1.0, 1.0),
) -> Interval:
    """Mean over seeds and problems, for statements about new seeds and new problems.

    `by_seed[s][i]` is the score (or paired difference) of problem i under seed s, within `bounds`.
    Every seed weighs the same. `shared_problems` says whether position i is one and the same
    problem under all seeds; it has no default, since a wrong "no" makes the interval too narrow.

    Own problems: seeds are drawn with replacement, then problems within each (Saravanan et al.,
    arXiv 2007.07797). Shared problems: the deviations of drawn seeds and of drawn problems add up
    (crossed effects: Owen, Annals of Applied Statistics 1, 2007), and the variance that both
    contain is taken out once (Cameron, Gelbach and Miller, Journal of Business and Economic
    Statistics 29, 2011). Deviation from all of them: the resamples give the shape only; the scale
    is the unbiased variance and the tails are Student's t, for seeds and problems apart (with five
    seeds that differ the plain two-stage bootstrap covers 84 to 87%). The interval is never
    narrower than if seeds did not matter. Where all scores are equal, the seeds together count as
    one: see `_calibrate.constant_interval`. The result's n is the number of seeds.

    Raises ValueError on fewer than two seeds, fewer than two problems under a seed, non-finite or
    out-of-bounds scores, shared problems of unequal number, or a level outside (0, 1).
    """
    check_level(level)
    check_resamples(resamples, level)
    rows = [bounded_vector(row, f"by_seed[{s}]", bounds) for s, row in enumerate(by_seed)]
    if len(rows) < 2:
        raise ValueError(f"the spread over seeds needs at least two of them, got {len(rows)}")
    fewest = min(row.size for row in rows)
    if fewest < 2:
        raise ValueError("the spread over problems needs at least two of them under every seed")
    mean = float(np.mean([row.mean() for row in rows]))
    if no_spread(np.concatenate(rows), bounds[1] - bounds[0]):
        return constant_interval(mean, level=level, n=fewest, bounds=bounds)
    if shared_problems:
        if any(row.size != fewest for row in rows):
            raise ValueError("shared problems need as many scores under every seed")
        half, deviations = _crossed(np.stack(rows), level, resamples, rng)
    else:
        half, deviations = _nested(rows, level, resamples, rng)
    return calibrated_interval(mean, deviations, half, level=level, n=len(rows), bounds=bounds)


def _nested(
    rows: list[Floats], level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, Floats]:
    """Return half-width and resampled deviations where every seed has problems of its own."""
    seeds = len(rows)
    means = np.array([row.mean() for row in rows])
    drawn = rng.integers(0, seeds, size=(resamples, seeds))
    deviations = (means - means.mean())[drawn]
    for s, row in enumerate(rows):
        slots = drawn == s
        within = resampled_deviations(row - means[s], np.ones(row.size), int(slots.sum()), rng)
        deviations[slots] += within
    noise = sum(float(row.var(ddof=1)) / row.size for row in rows) / seeds**2
    residuals = np.concatenate([row - row.mean() for row in rows])
    half = max(
        _half_width(means - means.mean(), float(means.var(ddof=1)) / seeds, level),
        _half_width(residuals, noise, level),
    )
    return half, deviations.mean(axis=1)


def _crossed(
    scores_S_P: Floats, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, Floats]:
    """Return half-width and resampled deviations where all seeds share their problems."""
    seeds, problems = scores_S_P.shape
    mean = scores_S_P.mean()
    by_seed, by_problem = scores_S_P.mean(axis=1) - mean, scores_S_P.mean(axis=0) - mean
    rest = scores_S_P - mean - by_seed[:, None] - by_problem
    of_seeds = float(np.sum(by_seed**2)) / (seeds * (seeds - 1))
    of_problems = float(np.sum(by_problem**2)) / (problems * (problems - 1))
    of_both = float(np.sum(rest**2)) / ((seeds - 1) * (problems - 1) * scores_S_P.size)
    half = max(
        math.hypot(
            _half_width(by_seed, of_seeds, level),
            _half_width(by_problem, max(of_problems - of_both, 0.0), level),
        ),
        _half_width(by_problem, max(of_problems, of_both), level),
    )
    deviations = resampled_deviations(by_seed, np.ones(seeds), resamples, rng)
    deviations += resampled_deviations(by_problem, np.ones(problems), resamples, rng)
    return half, deviations


def _half_width(residuals: Floats, variance: float, level: float) -> float:
    """Return the Student-t half-width, with the degrees of freedom that the residuals support."""
    df = effective_df(residuals) if np.any(residuals) else residuals.size - 1.0
    return t_quantile(0.5 * (1.0 + level), df) * math.sqrt(variance)
