"""Has something changed since the start: the evidence of a bettor, and the shift of a mean.

Not here: what is watched, and what follows (`ratchet.diagnose`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ratchet.stats._inputs import check_level, finite_vector
from ratchet.stats.betting import log_e_value
from ratchet.stats.interval import Interval
from ratchet.stats.student_t import t_quantile


@dataclass(frozen=True, slots=True)
class Summary:
    """A sample of independent units, reduced to what an interval needs."""

    n: int
    """Units; at least 1."""
    mean: float
    """Their mean."""
    variance: float
    """Their variance, with n - 1 below the line; 0 for one unit."""

    @classmethod
    def of(cls, values: ArrayLike) -> Summary:
        """Reduce a sample; raises ValueError if it is empty or not finite."""
        vector = finite_vector(values, "values")
        spread = float(vector.var(ddof=1)) if vector.size > 1 else 0.0
        return cls(vector.size, float(vector.mean()), spread)

    def times(self, factor: float) -> Summary:
        """Return the summary of every value times a factor."""
        return Summary(self.n, factor * self.mean, factor**2 * self.variance)

    def interval(self, level: float = 0.95) -> Interval:
        """Return the mean with Student's interval; of no width without spread or for one unit.
        Raises ValueError unless 0 < level < 1."""
        check_level(level)
        half = math.sqrt(self.variance / self.n)
        half *= t_quantile(0.5 * (1.0 + level), self.n - 1.0) if half else 0.0
        return Interval(self.mean, self.mean - half, self.mean + half, self.n)

    def cautious(self) -> Summary:
        """Return the summary of 0/1 values with one of each added, so that a few equal values do
        not pass for certainty (Agresti and Caffo, American Statistician 54, 2000)."""
        n, mean = self.n + 2, (self.n * self.mean + 1.0) / (self.n + 2.0)
        return Summary(n, mean, mean * (1.0 - mean) * n / (n - 1.0))


def log_change_evidence(
    samples: Sequence[ArrayLike], mean: float = 0.0, bounds: tuple[float, float] = (-1.0, 1.0)
) -> float:
    """Log of the evidence against "in every sample so far the mean was at most `mean`".

    A new gambler sits down at each sample j = 1, 2, ... with 1 / (j (j + 1)) of the wealth and bets
    on all values from there on, so that a change is found whether it came at the start or late; the
    money of those still to come lies on the table. All together it is an e-process: it ever reaches
    1/alpha with probability at most alpha, however many samples come. Each gambler's bet is
    `log_e_value`; the mixture over starting times is that of e-detectors (Shin, Ramdas and Rinaldo,
    arXiv 2203.03532), with weights that sum to 1, so that it bounds the error over the whole life
    and not the mean time to a false alarm. Samples may be empty; no samples give 0.
    """
    vectors = [np.asarray(sample, dtype=np.float64) for sample in samples]
    wealth = [-math.log(len(vectors) + 1.0)]
    for start in range(len(vectors)):
        values = np.concatenate(vectors[start:])
        bet = log_e_value(values, mean, bounds) if values.size else 0.0
        wealth.append(bet - math.log((start + 1.0) * (start + 2.0)))
    return float(np.logaddexp.reduce(wealth))


def shift(now: Summary, then: Summary, level: float = 0.95) -> Interval:
    """Return the difference of two independent means, now minus then, with Welch's interval.

    Approximate: Student's t with the degrees of freedom of Welch (Biometrika 34, 1947) and
    Satterthwaite (1946). Units are what is independent, so attempts at one task are one unit. Two
    samples without spread give an interval of no width.
    Raises ValueError unless 0 < level < 1.
    """
    check_level(level)
    change, parts = now.mean - then.mean, [(s.variance / s.n, s.n - 1.0) for s in (now, then)]
    square = sum(part for part, _ in parts)
    if square <= 0.0:
        return Interval(change, change, change, min(now.n, then.n))
    df = square**2 / sum(part**2 / freedom for part, freedom in parts if part > 0.0)
    half = t_quantile(0.5 * (1.0 + level), df) * math.sqrt(square)
    return Interval(change, change - half, change + half, min(now.n, then.n))


def strata_weights(now: Sequence[Summary], then: Sequence[Summary]) -> list[float]:
    """Return how much each stratum counts in a shift within strata; they sum to 1.

    Strata count by n m / (n + m), so that a change of their mix is no shift; those with fewer than
    two units on either side count nothing. Empty if none is left.
    """
    counts = [a.n * b.n / (a.n + b.n) * (a.n > 1 < b.n) for a, b in zip(now, then, strict=True)]
    total = sum(counts)
    return [count / total for count in counts] if total else []


def pool(strata: Sequence[Summary], weights: Sequence[float]) -> Summary:
    """Return the summary of a weighted mean over strata; its variance is n times the squared
    error of that mean. Raises ValueError unless there is a weight for each."""
    parts = list(zip(weights, strata, strict=True))
    n = sum(s.n for w, s in parts if w)
    error = sum(w**2 * s.variance / s.n for w, s in parts if w)
    return Summary(n, float(sum(w * s.mean for w, s in parts)), float(error) * n)


def spend(alpha: float, look: int) -> float:
    """Return the share of an error budget for one look of many, the first being 1.

    alpha / (look (look + 1)) sums to alpha over all looks, however many there will be.
    """
    return alpha / (look * (look + 1.0))
