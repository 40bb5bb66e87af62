"""Mean and mean difference with an interval, resampling whole clusters.

Several scores of one problem are not independent, so the problem (the cluster) is the unit.
Not here: seeds as units (`multiseed`); tests without an interval (`paired`).
"""

from __future__ import annotations

import math

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
    Labels,
    bounded_vector,
    check_level,
    check_resamples,
    cluster_index,
)
from ratchet.stats.interval import Interval
from ratchet.stats.proportion import clustered_proportion, wilson_interval
from ratchet.stats.student_t import t_quantile


def paired_bootstrap(
    differences: ArrayLike,
    clusters: Labels | None = None,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    resamples: int = 2000,
    bound: float = 1.0,
) -> Interval:
    """Mean of paired differences (candidate minus incumbent, item by item) with its interval.

    `differences` is a vector within [-bound, bound]; the default fits scores in [0, 1]. `clusters`
    holds one label per difference; differences of one cluster are drawn together. The result's n
    is the number of clusters, or of differences where there are none.

    Method: the clustered bootstrap (Efron and Tibshirani 1993, chapters 8 and 13; Davison and
    Hinkley 1997, section 3.8) gives the shape of the interval, the unbiased variance between
    clusters its scale, Student's t its tails, with degrees of freedom that fall when few items
    differ (`_calibrate`). Deviation: at 95%, a plain percentile interval, which this replaces,
    covers 84% with five normal items and 65% with 20 items of which 7% differ; this one 95% and
    99%. Ten items of a strongly skewed metric remain too few (91%).

    Equal differences give no zero width: see `_calibrate.constant_interval` (0 of 400 differ: 0 +-
    0.0092). Neither do equal cluster means, where the number of clusters takes the place of n.
    Raises ValueError on empty, non-finite or out-of-bound differences, labels of another length,
    a level outside (0, 1), or fewer resamples than the level needs.
    """
    bounds = (-bound, bound)
    values = bounded_vector(differences, "differences", bounds)
    sums, sizes = _by_cluster(values, clusters)
    return _resampled_mean(sums, sizes, rng, level, resamples, bounds)


def mean_interval(
    values: ArrayLike,
    clusters: Labels | None = None,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    resamples: int = 2000,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Interval:
    """Mean of one sample, such as an accuracy, with its interval.

    Values of 0 and 1 alone (with the default bounds) take Wilson's interval, mended at the ends:
    `wilson_interval`, or `clustered_proportion` where clusters hold several values; both leave
    `rng` untouched. All other values take the interval of `paired_bootstrap`. `bounds` is the
    range that a value can have; the interval stays within it. Arguments, n and errors are those of
    `paired_bootstrap`.
    """
    check_level(level)
    vector = bounded_vector(values, "values", bounds)
    sums, sizes = _by_cluster(vector, clusters)
    if bounds == (0.0, 1.0) and bool(np.isin(vector, (0.0, 1.0)).all()):
        if sums.size == vector.size:
            return wilson_interval(int(vector.sum()), vector.size, level)
        return clustered_proportion(sums, sizes, level)
    return _resampled_mean(sums, sizes, rng, level, resamples, bounds)


def _by_cluster(values: Floats, clusters: Labels | None) -> tuple[Floats, Floats]:
    """Return the sum and the number of values, by cluster."""
    index = cluster_index(clusters, values.size)
    sums = np.bincount(index, weights=values).astype(np.float64)
    return sums, np.bincount(index).astype(np.float64)


def _resampled_mean(
    sums: Floats,
    sizes: Floats,
    rng: np.random.Generator,
    level: float,
    resamples: int,
    bounds: tuple[float, float],
) -> Interval:
    """Return the mean over all values and its interval, clusters being the units."""
    check_level(level)
    check_resamples(resamples, level)
    n, total = sums.size, float(sizes.sum())
    mean = float(sums.sum()) / total
    if no_spread(sums / sizes, bounds[1] - bounds[0]):
        return constant_interval(mean, level=level, n=n, bounds=bounds)
    residuals = sums - mean * sizes
    error = math.sqrt(n / (n - 1) * float(np.sum(residuals**2))) / total
    half_width = t_quantile(0.5 * (1.0 + level), effective_df(residuals)) * error
    deviations = resampled_deviations(residuals, sizes, resamples, rng)
    return calibrated_interval(mean, deviations, half_width, level=level, n=n, bounds=bounds)
