"""A mean with its uncertainty: the one shape in which every uncertain number travels.

Not here: how intervals are computed (`bootstrap`, `proportion`, `multiseed`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided confidence interval for a mean; its level is the caller's choice.

    Raises ValueError where an end or the mean is not finite, the ends are out of order, or n < 1.
    """

    mean: float
    """The point estimate, in the unit of the data. Methods that shrink may centre elsewhere."""
    low: float
    """The lower end; the interval is closed."""
    high: float
    """The upper end; the interval is closed."""
    n: int
    """Independent units behind the mean: items, or clusters or seeds where these are the units."""

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.mean, self.low, self.high))):
            raise ValueError(f"an interval has finite numbers, got {self}")
        if self.low > self.high:
            raise ValueError(f"low {self.low} lies above high {self.high}")
        if self.n < 1:
            raise ValueError(f"an interval stands on at least one unit, got n={self.n}")

    @property
    def width(self) -> float:
        """High minus low."""
        return self.high - self.low

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside: for level 1 - a, a two-sided test of it at level a."""
        return value < self.low or value > self.high

    def inside(self, low: float, high: float) -> bool:
        """Whether the whole interval lies strictly between two values.

        With a 90% interval and a margin on both sides, this is the equivalence test at 0.05.
        """
        return low < self.low and self.high < high
