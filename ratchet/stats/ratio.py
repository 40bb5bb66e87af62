"""The ratio of two paired means with its interval.

Not here: ratios of independent samples.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ratchet.stats._inputs import check_level, finite_vector
from ratchet.stats.interval import Interval
from ratchet.stats.student_t import t_quantile


def ratio_interval(
    numerators: ArrayLike, denominators: ArrayLike, level: float = 0.95
) -> Interval | None:
    """Mean of the numerators over mean of the denominators, unit by unit paired.

    Fieller's set (Supplement to the Journal of the Royal Statistical Society 7, 1940): all ratios r
    for which the mean of numerator - r denominator is compatible with 0 by Student's t. None where
    the denominators' mean is not above 0 at this level: the set is then unbounded, and there is
    nothing to take a share of. Units are what is independent: give one value a problem.
    Raises ValueError on vectors of other lengths, fewer than two units, or values not finite.
    """
    check_level(level)
    u, v = finite_vector(numerators, "numerators"), finite_vector(denominators, "denominators")
    if u.size != v.size or u.size < 2:
        raise ValueError(f"a ratio needs two or more pairs, got {u.size} and {v.size} values")
    n = u.size
    mean_u, mean_v = float(u.mean()), float(v.mean())
    square = t_quantile(0.5 * (1.0 + level), n - 1.0) ** 2 / n
    covariance = np.cov(u, v, ddof=1)
    a = mean_v**2 - square * float(covariance[1, 1])
    b = mean_u * mean_v - square * float(covariance[0, 1])
    c = mean_u**2 - square * float(covariance[0, 0])
    if mean_v <= 0.0 or a <= 0.0:
        return None
    root = math.sqrt(max(b * b - a * c, 0.0))
    ratio = mean_u / mean_v
    return Interval(ratio, min((b - root) / a, ratio), max((b + root) / a, ratio), n)
