"""The official metrics of SLDBench, and what they hide: errors by group.

For each target NMSE = mean squared error over the variance of the target, pooled over groups, and
NMAE = mean absolute error over the mean absolute deviation; both are averaged over targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.research.scaling_laws.expression import Array

FAILED = 1e5
"""NMSE and NMAE of a law that gives no finite number for some row."""


@dataclass(frozen=True)
class Metrics:
    """Errors of a law on some rows."""

    nmse: float
    """Mean over targets."""
    r2: float
    """1 - NMSE, floored at -1 as published tables are."""
    nmae: float
    """Mean over targets."""
    group_r2: float
    """Median over groups of two rows or more of R2 by the group's own variance; NaN if none."""

    @property
    def score(self) -> float:
        """1 / (1 + NMSE), in [0, 1]: SLDBench's combined score."""
        return 1.0 / (1.0 + self.nmse)


def measure(targets: Array, predicted: Array, groups: Sequence[str]) -> Metrics:
    """Compare predictions [n, T] with targets [n, T]. Total: what is not finite has failed."""
    if not np.isfinite(predicted).all():
        return Metrics(FAILED, -1.0, FAILED, -1.0)
    error = targets - predicted
    variance = np.maximum(targets.var(axis=0), 1e-300)
    deviation = np.maximum(np.abs(targets - targets.mean(axis=0)).mean(axis=0), 1e-300)
    nmse = float(np.mean((error**2).mean(axis=0) / variance))
    nmae = float(np.mean(np.abs(error).mean(axis=0) / deviation))
    names = np.array(groups)
    by_group = []
    for name in dict.fromkeys(groups):
        y, e = targets[names == name], error[names == name]
        if len(y) > 1 and y.var(axis=0).min() > 0:
            by_group.append(1.0 - float(np.mean((e**2).mean(axis=0) / y.var(axis=0))))
    median = float(np.median(by_group)) if by_group else float("nan")
    return Metrics(min(nmse, FAILED), max(1.0 - nmse, -1.0), min(nmae, FAILED), median)
