"""Tests on paired outcomes: McNemar's, the sign test, and equivalence within a margin.

Not here: the size of a difference (`bootstrap`), and tests that may stop early.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ratchet.stats._inputs import Labels, finite_vector
from ratchet.stats.bootstrap import paired_bootstrap
from ratchet.stats.interval import Interval


@dataclass(frozen=True, slots=True)
class Equivalence:
    """The verdict of an equivalence test, with the interval that it rests on."""

    equivalent: bool
    """Whether the mean difference was shown to lie within the margin; False shows nothing."""
    interval: Interval
    """Of the mean difference, at level 1 - 2 alpha: 90% for the default alpha of 0.05."""
    margin: float
    """The smallest effect of interest, in the unit of the differences."""


def mcnemar(b: int, c: int, *, mid_p: bool = False) -> float:
    """Two-sided p-value that b and c discordant pairs come from equal chances.

    b pairs changed one way and c the other; pairs that agree say nothing. Exact conditional test
    (McNemar, Psychometrika 12, 1947; binomial tails). With `mid_p`, outcomes as extreme as the
    observed one count half (Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13:91,
    2013): closer to the nominal level, no longer guaranteed below it. No discordant pair gives 1.
    Raises ValueError where a count is negative.
    """
    if b < 0 or c < 0:
        raise ValueError(f"counts of discordant pairs cannot be negative, got {b} and {c}")
    n, k = b + c, min(b, c)
    if n == 0:
        return 1.0
    log_point = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
    point = math.exp(log_point)
    if b == c:
        return 1.0 - 0.5 * point if mid_p else 1.0
    below = np.arange(k, 0, -1, dtype=np.float64)
    tail = point * (1.0 + float(np.cumprod(below / (n + 1.0 - below)).sum()))
    return min(1.0, 2.0 * tail - (point if mid_p else 0.0))


def sign_test(differences: ArrayLike) -> float:
    """Two-sided p-value that a difference is as often above zero as below.

    `differences` is a vector; zeros are dropped and all others count alike, independent of one
    another. Exact (Dixon and Mood, JASA 41, 1946): `mcnemar` on the counts of either sign.
    Raises ValueError where it is empty or not finite.
    """
    values = finite_vector(differences, "differences")
    return mcnemar(int((values > 0).sum()), int((values < 0).sum()))


def equivalence(
    differences: ArrayLike,
    margin: float,
    clusters: Labels | None = None,
    *,
    rng: np.random.Generator,
    alpha: float = 0.05,
    resamples: int = 2000,
    bound: float = 1.0,
) -> Equivalence:
    """Test that the mean difference lies within +-margin: two one-sided tests, each at `alpha`.

    Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987. Both tests reject where
    the interval at level 1 - 2 alpha lies strictly within the margins; the interval is that of
    `paired_bootstrap`, which takes the other arguments and raises on them. For one value per seed
    use `seed_interval(values, level=0.9).inside(-margin, margin)`.
    Raises ValueError unless margin > 0 and 0 < alpha < 0.5.
    """
    if not 0.0 < margin < math.inf:
        raise ValueError(f"the margin must be a positive number, got {margin}")
    if not 0.0 < alpha < 0.5:
        raise ValueError(f"alpha must lie strictly between 0 and 0.5, got {alpha}")
    interval = paired_bootstrap(
        differences, clusters, rng=rng, level=1.0 - 2.0 * alpha, resamples=resamples, bound=bound
    )
    return Equivalence(interval.inside(-margin, margin), interval, margin)
