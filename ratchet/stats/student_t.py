"""Student's t distribution, tail and quantile, without scipy.

Not here: intervals that use it (`multiseed`, `bootstrap`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_TINY = 1e-300
_LARGE_DF = 1e6


def t_upper_tail(t: float, df: float) -> float:
    """P(T > t) for t >= 0 and df > 0 degrees of freedom (need not be whole).

    Half the regularised incomplete beta function I_x(df/2, 1/2) at x = df / (df + t^2)
    (DLMF 8.17; its continued fraction 8.17.22, summed by Lentz's method).
    """
    a, b, square = 0.5 * df, 0.5, t * t
    x, y = df / (df + square), square / (df + square)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    if x > 0.0:
        log_front += a * math.log(x)
    if y > 0.0:
        log_front += b * math.log(y)
    else:
        return 0.5
    front = math.exp(log_front)
    if x < (a + 1.0) / (a + b + 2.0):  # the fraction converges fast on this side
        return 0.5 * front / a * _beta_fraction(a, b, x)
    return 0.5 * (1.0 - front / b * _beta_fraction(b, a, y))


@lru_cache(maxsize=4096)
def t_quantile(p: float, df: float) -> float:
    """Return the t with P(T <= t) = p, for 0 < p < 1 and df > 0 (need not be whole).

    Newton's method on the tail, started at the normal quantile: the tail is convex and the start
    lies left of the root, so that the steps rise to it without overshooting. Beyond 1e6 degrees of
    freedom the first Cornish-Fisher term is exact to 1e-9 (Abramowitz and Stegun 26.7.5).
    Raises ValueError where p or df is out of range.
    """
    if not 0.0 < p < 1.0:
        raise ValueError(f"a quantile needs a probability strictly between 0 and 1, got {p}")
    if not df > 0.0:
        raise ValueError(f"degrees of freedom must be positive, got {df}")
    if p == 0.5:
        return 0.0
    tail = min(p, 1.0 - p)
    sign = 1.0 if p > 0.5 else -1.0
    z = -NormalDist().inv_cdf(tail)
    if df > _LARGE_DF:
        return sign * (z + (z**3 + z) / (4.0 * df))
    log_scale = math.lgamma(0.5 * (df + 1.0)) - math.lgamma(0.5 * df) - 0.5 * math.log(df * math.pi)
    t = z
    for _ in range(1000):
        density = math.exp(log_scale - 0.5 * (df + 1.0) * math.log1p(t * t / df))
        step = (t_upper_tail(t, df) - tail) / density
        t += step
        if abs(step) <= 1e-13 * t:
            break
    return sign * t


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Sum the continued fraction of the incomplete beta function by Lentz's method."""
    c = 1.0
    d = 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            value *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
