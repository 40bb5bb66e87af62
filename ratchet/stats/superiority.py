"""A sequential test that a candidate is better: looks, early stopping, evidence of harm.

One plan reads one sample or thousands at once, so that what is simulated is what decides.
Not here: the capabilities that a gain may not cost (`noninferiority`), what follows (the gate).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ratchet.stats._inputs import Floats
from ratchet.stats.betting import log_e_values

_OPTIMISM = 2.0


class Reading(IntEnum):
    """What a look at the differences so far says."""

    OPEN = 0
    """Draw more."""
    BETTER = 1
    """The mean difference is above 0."""
    WORSE = 2
    """The mean difference is below 0."""
    UNSURE = 3
    """Neither, and there is no point in drawing more."""


@dataclass(frozen=True)
class Superiority:
    """Plan of one test on paired differences in [-1, 1].

    BETTER errs with probability at most `alpha` when the true mean is 0 or below, WORSE with
    probability at most `harm` when it is 0 or above: Ville's inequality for the e-process of
    `log_e_values`, whatever the looks. Stopping for want of hope can only make both rarer.
    """

    alpha: float
    """Probability of calling a candidate better that is not; in (0, 1)."""
    harm: float
    """Probability of calling a candidate worse that is not; in (0, 1)."""
    first: int
    """Differences before the first look."""
    batch: int
    """Differences from look to look."""
    ordinary: int
    """From here on only a hopeful test goes on: see `read`."""
    cap: int
    """The most differences."""

    def __post_init__(self) -> None:
        if not (0 < self.alpha < 1 and 0 < self.harm < 1):
            raise ValueError(f"error levels lie strictly between 0 and 1: {self}")
        if not (1 <= self.first <= self.ordinary <= self.cap and self.batch >= 1):
            raise ValueError(f"looks need 1 <= first <= ordinary <= cap and batch >= 1: {self}")

    def looks(self) -> tuple[int, ...]:
        """Return how many differences there are at each look; `ordinary` and `cap` are looks."""
        regular = range(self.first, self.cap, self.batch)
        return tuple(sorted({*regular, self.ordinary, self.cap}))

    def read(self, values: ArrayLike, counts: ArrayLike) -> NDArray[np.int64]:
        """Read samples (...) given as counts (..., V) of the values (V) that occur.

        From `ordinary` on, a test without hope of BETTER ends: one that the best constant bet would
        not win by the cap even if all further differences had the mean seen plus two standard
        errors. So a loss that has not shown by `ordinary` is not looked for any longer.
        """
        vector = np.asarray(values, dtype=np.float64)
        seen = np.asarray(counts, dtype=np.float64)
        n = seen.sum(axis=-1)
        better = log_e_values(vector, seen) >= -math.log(self.alpha)
        worse = log_e_values(-vector, seen) >= -math.log(self.harm)
        over = (n >= self.cap) | ((n >= self.ordinary) & ~self._hopeful(vector, seen, n))
        readings = np.select(
            [better, worse, over], [Reading.BETTER, Reading.WORSE, Reading.UNSURE], Reading.OPEN
        )
        return np.asarray(readings, dtype=np.int64)

    def _hopeful(self, values: Floats, counts: Floats, n: Floats) -> NDArray[np.bool_]:
        """Whether the best constant bet could reach 1/alpha by the cap: S^2 / 2V >= log 1/alpha."""
        mean, square = counts @ values / n, counts @ values**2 / n
        error = np.sqrt(np.maximum(square - mean**2, 0.0) / n)
        further = np.maximum(self.cap - n, 0.0)
        at_cap = (n * mean + further * (mean + _OPTIMISM * error)) / self.cap
        needed = np.sqrt(-2.0 * math.log(self.alpha) * square / self.cap)
        return np.asarray(at_cap > needed)
