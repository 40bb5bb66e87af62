"""Evidence against a mean, by betting: e-values that hold at every moment of looking.

A gambler who may not lose more than the stake bets on every value that the mean lies above what
the hypothesis says. Under the hypothesis the wealth is expected never to grow, so that by Ville's
inequality it ever reaches 1/alpha with probability at most alpha, whenever one looks or stops.
Not here: when to look and to stop (`superiority`, `noninferiority`), intervals (`sequence`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ratchet.stats._inputs import Floats, bounded_vector

STAKES = np.array([0.06, 0.15, 0.3, 0.5, 0.8])
"""Shares of the largest allowed bet. A paired gain g with a share d of items that differ is best
bet on with a stake of about g / d, so these reach from 2 points in 35 to 10 points in 12."""
WEIGHTS = np.array([0.1, 0.2, 0.3, 0.3, 0.1])
"""How the starting wealth of 1 is divided among the stakes."""

_SAFE = 0.9
_SMALL_SAMPLE = 1e-3


def log_e_values(
    values: ArrayLike,
    counts: ArrayLike,
    mean: float = 0.0,
    bounds: tuple[float, float] = (-1.0, 1.0),
) -> Floats:
    """Log of the evidence against "the mean is at most `mean`", for many samples at once.

    `values` (V) are the values that occur, `counts` (..., V) how often each was seen so far; the
    result has the shape (...). The wealth of one stake s is the product of 1 + s (x - mean) /
    (mean - low): never negative for s < 1, and a supermartingale under the hypothesis. The evidence
    is the mixture of wealths over `STAKES`, so it is a supermartingale too and may be read after
    every value. Bet upwards only: for "at least `mean`" negate values, mean and bounds.

    Source: Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting,
    arXiv 2010.09686 (the capital process, and hedging over a grid of bets). Deviation:
    constant stakes in a fixed mixture, in place of bets that follow the data, because the result
    then depends on the counts alone. On differences of -1, 0 and 1 it is the likelihood ratio of
    the signs of the items that differ, averaged over five alternatives (Robbins, Annals of
    Mathematical Statistics 41, 1970).
    Raises ValueError on values out of bounds, or unless low < mean < high.
    """
    low, high = bounds
    vector = bounded_vector(values, "values", bounds)
    if not low < mean < high:
        raise ValueError(f"the mean to bet against must lie between {low} and {high}, got {mean}")
    seen = np.asarray(counts, dtype=np.float64)
    if seen.shape[-1:] != vector.shape:
        raise ValueError(f"{vector.size} values need as many counts, got shape {seen.shape}")
    growth_V_S = np.log1p(np.multiply.outer((vector - mean) / (mean - low), STAKES))
    wealth_S = seen @ growth_V_S + np.log(WEIGHTS)
    most = wealth_S.max(axis=-1)
    total = np.exp(wealth_S - most[..., None]).sum(axis=-1)
    return np.asarray(most + np.log(total), dtype=np.float64)


def log_e_value(
    values: ArrayLike, mean: float = 0.0, bounds: tuple[float, float] = (-1.0, 1.0)
) -> float:
    """Log of the evidence in one sample against "the mean is at most `mean`": `log_e_values`."""
    vector = bounded_vector(values, "values", bounds)
    return float(log_e_values(vector, np.ones(vector.size), mean, bounds))


def adaptive_log_wealth(
    values: NDArray[np.float64], mean: float = 0.0, bounds: tuple[float, float] = (-1.0, 1.0)
) -> Floats:
    """Log-wealth after every value (..., T), with one stake that follows the data.

    The predictable plug-in bets of arXiv 2010.09686 (aGRAPA): before each value, the running mean's
    distance from `mean` over the variance plus that distance squared, cut to [0, 0.9] of the
    largest allowed bet. An e-process of its own; here to compare `log_e_values` with.
    """
    low = bounds[0]
    deviations = np.asarray(values, dtype=np.float64) - mean
    past = np.arange(1, deviations.shape[-1])
    sums, squares = deviations.cumsum(axis=-1), (deviations**2).cumsum(axis=-1)
    first = np.zeros((*deviations.shape[:-1], 1))
    centre = np.concatenate([first, sums[..., :-1] / past], axis=-1)
    spread = np.concatenate([first, squares[..., :-1] / past], axis=-1)
    bets = np.clip(centre / (spread + _SMALL_SAMPLE), 0.0, _SAFE / (mean - low))
    return np.asarray(np.log1p(bets * deviations).cumsum(axis=-1), dtype=np.float64)


def tally(values: ArrayLike) -> tuple[Floats, Floats]:
    """Return the distinct values of a sample and how often each occurs."""
    distinct, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    return distinct, counts.astype(np.float64)
