"""Intervals for a proportion, for independent and for clustered 0/1 data.

Not here: means of other values, and differences (`bootstrap`).
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from ratchet.stats._calibrate import effective_df, no_spread
from ratchet.stats._inputs import Floats, check_level
from ratchet.stats.interval import Interval
from ratchet.stats.student_t import t_quantile


def wilson_interval(successes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval for `successes` of `n` independent trials, mended at the ends.

    Plain Wilson covers only 84% just beside 0 and 1 (nominal 95%), because one success puts its
    lower end too high. As Brown, Cai and DasGupta propose (Interval estimation for a binomial
    proportion, Statistical Science 16, 2001), the lower end for 1, 2 or 3 successes
    (and the upper for as many failures) is the one-sided Poisson limit instead, here wherever it is
    the wider of the two. Source of the interval: Wilson, JASA 22, 1927.
    Raises ValueError unless 0 <= successes <= n, n >= 1 and 0 < level < 1.
    """
    check_level(level)
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"successes must lie in 0..n with n >= 1, got {successes} of {n}")
    mean = successes / n
    low, high = _score_ends(mean, n, NormalDist().inv_cdf(0.5 * (1.0 + level)))
    if 1 <= successes <= 3:
        low = min(low, _poisson_lower(successes, level) / n)
    if 1 <= n - successes <= 3:
        high = max(high, 1.0 - _poisson_lower(n - successes, level) / n)
    return _around(mean, low, high, n)


def clustered_proportion(sums: Floats, sizes: Floats, level: float) -> Interval:
    """Wilson's interval at the effective sample size, for 0/1 data in G clusters.

    `sums` and `sizes` hold successes and trials by cluster. The effective sample size is the one at
    which independent trials would have the variance found between clusters (Korn and Graubard,
    Survey Methodology 24, 1998; Franco et al., Journal of Survey Statistics and Methodology 7,
    2019, recommend Wilson's form among eight), at most the number of trials. A Student-t
    quantile with `effective_df` stands in place of the normal one. Clusters with equal means say
    nothing about their spread and count as one trial each.
    """
    n, trials = sums.size, float(sizes.sum())
    mean = float(sums.sum()) / trials
    if no_spread(sums / sizes, 1.0):
        low, high = _score_ends(mean, n, NormalDist().inv_cdf(0.5 * (1.0 + level)))
        return _around(mean, low, high, n)
    residuals = sums - mean * sizes
    variance = n / (n - 1) * float(np.sum(residuals**2)) / trials**2
    size = min(mean * (1.0 - mean) / variance, trials)
    low, high = _score_ends(mean, size, t_quantile(0.5 * (1.0 + level), effective_df(residuals)))
    return _around(mean, low, high, n)


def _score_ends(mean: float, n: float, z: float) -> tuple[float, float]:
    square = z * z / n
    centre = (mean + 0.5 * square) / (1.0 + square)
    half = z * math.sqrt((mean * (1.0 - mean) + 0.25 * square) / n) / (1.0 + square)
    return centre - half, centre + half


def _around(mean: float, low: float, high: float, n: int) -> Interval:
    """Keep the ends within [0, 1] and the mean within the ends, against rounding."""
    return Interval(mean, max(0.0, min(low, mean)), min(1.0, max(high, mean)), n)


def _poisson_lower(count: int, level: float) -> float:
    """Return the rate at which a Poisson count stays below `count` with probability `level`."""
    low, high = 0.0, float(count)
    while high - low > 1e-12 * high:
        rate = 0.5 * (low + high)
        below = math.exp(-rate) * sum(rate**i / math.factorial(i) for i in range(count))
        low, high = (rate, high) if below > level else (low, rate)
    return low
