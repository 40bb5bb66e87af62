"""From resampled deviations to an interval that covers: shape, scale and tails apart.

The *shape* comes from the bootstrap, the *scale* from the unbiased variance (a percentile interval
is too narrow by sqrt(1 - 1/G)), the *tails* from Student's t. Not here: what is resampled, and why
(`bootstrap`, `multiseed`).
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from ratchet.stats._inputs import Floats
from ratchet.stats.interval import Interval

_CHUNK = 1_000_000


def effective_df(residuals: Floats) -> float:
    """Degrees of freedom of the variance of G residuals, given how heavy their tails are.

    O'Neill, Some useful moment results in sampling problems, The American Statistician 68, 2014:
    2G / (kurtosis - (G-3)/(G-1)), which is G-1 for normal data. Where k of G items differ and the
    rest are equal it is close to 2k: 400 items of which 3 moved know no more than 7 would.
    Deviation: never more than G-1, since a sample kurtosis below 3 is weak evidence of light tails.
    """
    g = residuals.size
    squares = (residuals / np.abs(residuals).max()) ** 2
    kurtosis = g * float(np.sum(squares**2)) / float(np.sum(squares)) ** 2
    return min(g - 1.0, 2.0 * g / (kurtosis - (g - 3.0) / (g - 1.0)))


def resampled_deviations(
    residuals: Floats, sizes: Floats, resamples: int, rng: np.random.Generator
) -> Floats:
    """Draw G of G units with replacement, `resamples` times; return resampled mean minus mean.

    `residuals` are the units' sums less mean times size, so that a deviation is
    sum(residuals*) / sum(sizes*). Means of a few discrete values lie on a lattice and their
    quantiles jump by a step; each deviation is therefore spread evenly over one step, the largest
    residual over the total size (a smoothed bootstrap: Silverman and Young, Biometrika 74, 1987).
    """
    g, rows = residuals.size, max(1, _CHUNK // residuals.size)
    equal = bool(np.all(sizes == sizes[0]))
    deviations = np.empty(resamples)
    for start in range(0, resamples, rows):
        stop = min(start + rows, resamples)
        drawn = rng.integers(0, g, size=(stop - start, g), dtype=np.int32)
        total = g * sizes[0] if equal else sizes[drawn].sum(axis=1)
        deviations[start:stop] = residuals[drawn].sum(axis=1) / total
    step = np.abs(residuals).max() / sizes.sum()
    deviations += step * rng.uniform(-0.5, 0.5, size=resamples)
    return deviations


def calibrated_interval(
    mean: float,
    deviations: Floats,
    half_width: float,
    *,
    level: float,
    n: int,
    bounds: tuple[float, float],
) -> Interval:
    """Return the quantiles of `deviations`, scaled so that normal ones would give `half_width`.

    The percentile interval with the small-sample expansion of Hesterberg (arXiv 1411.5279), here
    applied to the width and not to the tail probability, which a few thousand resamples could not
    resolve. The ends stay within `bounds`, the values that the mean can take.
    """
    tail = 0.5 * (1.0 - level)
    z = -NormalDist().inv_cdf(tail)
    spread = float(deviations.std())
    shape = np.quantile(deviations, [tail, 1.0 - tail]) / (z * spread) if spread else (-1.0, 1.0)
    low = mean + half_width * min(float(shape[0]), 0.0)
    high = mean + half_width * max(float(shape[1]), 0.0)
    return Interval(mean, max(bounds[0], low), min(bounds[1], high), n)


def no_spread(values: Floats, span: float) -> bool:
    """Whether the values are equal up to rounding, on the scale of the possible `span`."""
    return float(np.ptp(values)) <= 1e-12 * span


def constant_interval(
    mean: float, *, level: float, n: int, bounds: tuple[float, float]
) -> Interval:
    """Return the interval where n independent units all have one value, `mean`.

    No spread was seen, which is not certainty: with rate q of unlike units, n alike ones have
    probability (1-q)^n, so that q may be as large as 1 - ((1-level)/2)^(1/n) (Clopper and Pearson,
    Biometrika 26, 1934, for no events; the two-sided rule of three, 3.7/n at 95%). Unlike units may
    lie anywhere within `bounds`, and the ends assume the worst. No difference on any of 400 items
    is thus 0 +- 0.0092, not 0 +- 0.
    """
    rate = -math.expm1(math.log(0.5 * (1.0 - level)) / n)
    mean = min(max(mean, bounds[0]), bounds[1])
    low, high = mean - rate * (mean - bounds[0]), mean + rate * (bounds[1] - mean)
    return Interval(mean, low, high, n)
