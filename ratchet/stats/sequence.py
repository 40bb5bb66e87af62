"""A confidence sequence: an interval for a mean that stays right however often one looks.

Not here: evidence against one value (`betting`); intervals for a fixed number of values, which are
narrower and wrong once the data decide when to stop (`bootstrap`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from numpy.typing import ArrayLike

from ratchet.stats._inputs import bounded_vector, check_level
from ratchet.stats.betting import log_e_values, tally
from ratchet.stats.interval import Interval

_HALVINGS = 40


def anytime_interval(
    values: ArrayLike, *, level: float = 0.95, bounds: tuple[float, float] = (-1.0, 1.0)
) -> Interval:
    """Return the mean of the values so far with an interval from a confidence sequence.

    Read after every value for ever, all these intervals hold the true mean at once with probability
    at least `level`. Values are independent, or at least each has the mean given those before it.

    The interval holds every mean that neither of two bets has refuted, one upwards and one
    downwards, each at (1 - level) / 2: the hedged capital process of arXiv 2010.09686.
    Deviations: constant stakes (`log_e_values`); two levels in place of a mean of two wealths. The
    wealth of a stake falls as the mean to bet against rises, so each end is found by bisection.
    Raises ValueError on values out of bounds or a level outside (0, 1).
    """
    check_level(level)
    vector = bounded_vector(values, "values", bounds)
    low, high = bounds
    enough = math.log(2.0 / (1.0 - level))
    distinct, counts = tally(vector)

    def refuted_below(mean: float) -> bool:
        return bool(log_e_values(distinct, counts, mean, bounds) >= enough)

    def refuted_above(mean: float) -> bool:
        return bool(log_e_values(-distinct, counts, -mean, (-high, -low)) >= enough)

    centre = min(max(float(vector.mean()), low), high)
    return Interval(
        centre,
        _end(low, centre, refuted_below),
        _end(high, centre, refuted_above),
        vector.size,
    )


def _end(outside: float, inside: float, refuted: Callable[[float], bool]) -> float:
    """Bisect between a bound and the mean for the end; the result errs to the wider side."""
    for _ in range(_HALVINGS):
        middle = 0.5 * (outside + inside)
        if middle in (outside, inside):
            break
        if refuted(middle):
            outside = middle
        else:
            inside = middle
    return outside
