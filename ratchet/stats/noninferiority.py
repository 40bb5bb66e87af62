"""A sequential test that no capability has lost more than a margin, and its power.

Not here: whether there is a gain at all (`superiority`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ratchet.stats.betting import log_e_values

_SIGNS = np.array([-1.0, 0.0, 1.0])


class Standing(IntEnum):
    """What is known of one capability."""

    OPEN = 0
    """Draw more of it."""
    KEPT = 1
    """It has not lost more than the margin."""
    LOST = 2
    """It has lost more than the margin."""
    UNSHOWN = 3
    """Neither, and its cap is reached."""


@dataclass(frozen=True)
class Noninferiority:
    """Plan of one test per capability on paired differences in [-1, 1], all at the same margin.

    A candidate passes when every capability is KEPT. If one has truly lost the margin or more, it
    passes with probability at most `alpha`, however many there are (intersection-union test:
    Berger, Technometrics 24, 1982). That some capability is called LOST which has not lost as much
    has probability at most `harm`. Both hold at every look: the e-process of `log_e_values`
    against a mean of -margin (Waudby-Smith and Ramdas, arXiv 2010.09686).
    """

    margin: float
    """The largest loss of mean score that is accepted; in (0, 1)."""
    alpha: float
    """Probability of passing a candidate that lost as much in some capability."""
    harm: float
    """Probability of calling some capability lost that is not."""
    batch: int
    """Differences per capability from look to look."""
    cap: int
    """The most differences per capability."""

    def __post_init__(self) -> None:
        if not all(0 < level < 1 for level in (self.margin, self.alpha, self.harm)):
            raise ValueError(f"margin and error levels lie strictly between 0 and 1: {self}")
        if not 1 <= self.batch <= self.cap:
            raise ValueError(f"looks need 1 <= batch <= cap: {self}")

    def read(self, values: ArrayLike, counts: ArrayLike) -> NDArray[np.int64]:
        """Read capabilities (..., K) given as counts (..., K, V) of the values (V) that occur."""
        vector = np.asarray(values, dtype=np.float64)
        seen = np.asarray(counts, dtype=np.float64)
        each = self.harm / max(1, seen.shape[-2])
        kept = log_e_values(vector, seen, -self.margin) >= -math.log(self.alpha)
        lost = log_e_values(-vector, seen, self.margin) >= -math.log(each)
        over = seen.sum(axis=-1) >= self.cap
        standings = np.select(
            [kept, lost, over], [Standing.KEPT, Standing.LOST, Standing.UNSHOWN], Standing.OPEN
        )
        return np.asarray(standings, dtype=np.int64)


def noninferiority_power(
    plan: Noninferiority,
    discordance: ArrayLike,
    change: ArrayLike = 0.0,
    *,
    rng: np.random.Generator,
    runs: int = 1000,
) -> float:
    """Probability that a candidate passes whose capabilities truly changed by `change`.

    `discordance` (K) is the share of items on which the two differ, scores being 0 and 1; `change`
    (K, or one for all) is the true mean difference, no larger than that. The default asks how often
    a candidate would pass that merely lost nothing. By simulation of the plan's own looks.
    Raises ValueError where a share is outside [0, 1] or smaller than the change.
    """
    differ = np.atleast_1d(np.asarray(discordance, dtype=np.float64))
    gain = np.broadcast_to(np.asarray(change, dtype=np.float64), differ.shape)
    if (differ > 1).any() or (np.abs(gain) > differ).any():
        raise ValueError("the share of differing items lies between |change| and 1")
    chance_K_V = np.stack([(differ - gain) / 2, 1 - differ, (differ + gain) / 2], axis=-1)
    counts = np.zeros((runs, differ.size, 3))
    standing = np.zeros((runs, differ.size), dtype=np.int64)
    while (standing == Standing.OPEN).any():
        size = min(plan.batch, plan.cap - int(counts[0, 0].sum()))
        counts += rng.multinomial(size, chance_K_V, size=(runs, differ.size))
        standing = np.where(standing == Standing.OPEN, plan.read(_SIGNS, counts), standing)
    return float((standing == Standing.KEPT).all(axis=-1).mean())
