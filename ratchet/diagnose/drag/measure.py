"""One measurement with its interval, as it stands in the card and in ``--json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.stats import Interval, mean_interval, paired_bootstrap, ratio_interval

RESAMPLES = 1000
LARGEST_DISTANCE = 100.0
"""No mean distance between two answers is larger."""


@dataclass(frozen=True)
class Measure:
    """A number, its 95% interval over problems, and how many problems it stands on."""

    value: float | None
    """The estimate; None if it is not defined."""
    low: float | None
    """Lower end of the interval."""
    high: float | None
    """Upper end of the interval."""
    n: int
    """Problems behind it."""
    skipped: int = 0
    """Problems of the matched subset that could not count."""
    note: str = ""
    """Why there is no value, or what else belongs to it."""

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.low is not None and self.low > 0.0

    @classmethod
    def of(cls, interval: Interval, skipped: int = 0, note: str = "") -> Measure:
        """Return an interval as a measure."""
        return cls(interval.mean, interval.low, interval.high, interval.n, skipped, note)


def undefined(note: str, n: int = 0, skipped: int = 0) -> Measure:
    """Return a measure without a value, and why."""
    return Measure(None, None, None, n, skipped, note)


def mean_of(
    values: Sequence[float | None], rng: np.random.Generator, largest: float = 1.0
) -> Measure:
    """Mean over problems of values in [0, largest]; None is a skipped problem."""
    known = [value for value in values if value is not None]
    skipped = len(values) - len(known)
    if not known:
        return undefined("no problem counts", skipped=skipped)
    bounds = (0.0, largest)
    found = mean_interval(known, rng=rng, bounds=bounds, resamples=RESAMPLES)
    return Measure.of(found, skipped)


def difference_of(
    pairs: Sequence[tuple[float | None, float | None]],
    rng: np.random.Generator,
    largest: float = 1.0,
) -> Measure:
    """Mean of first minus second over problems that have both."""
    known = [a - b for a, b in pairs if a is not None and b is not None]
    skipped = len(pairs) - len(known)
    if not known:
        return undefined("no problem has both sides", skipped=skipped)
    found = paired_bootstrap(known, rng=rng, bound=largest, resamples=RESAMPLES)
    return Measure.of(found, skipped)


def ratio_of(pairs: Sequence[tuple[float | None, float | None]]) -> Measure:
    """Mean of the firsts over mean of the seconds, over problems that have both."""
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    skipped = len(pairs) - len(known)
    if len(known) < 2:
        return undefined("fewer than two problems have both sides", len(known), skipped)
    found = ratio_interval([a for a, _ in known], [b for _, b in known])
    if found is None:
        return undefined("the denominator is not above 0", len(known), skipped)
    return Measure.of(found, skipped)
