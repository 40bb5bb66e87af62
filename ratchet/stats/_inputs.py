"""Checks shared by the statistics: finite vectors, cluster labels, levels.

Not here: any statistics.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Labels = Sequence[Hashable] | NDArray[Any]


def finite_vector(values: ArrayLike, name: str) -> Floats:
    """Return `values` as a non-empty vector of finite floats, or raise ValueError."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {vector.shape}")
    if vector.size == 0:
        raise ValueError(f"{name} is empty: there is nothing to average")
    if not np.isfinite(vector).all():
        where = int(np.flatnonzero(~np.isfinite(vector))[0])
        raise ValueError(f"{name}[{where}] is {vector[where]}: drop or score it before averaging")
    return vector


def bounded_vector(values: ArrayLike, name: str, bounds: tuple[float, float]) -> Floats:
    """Return `values` as `finite_vector` does, and raise ValueError where one is out of bounds."""
    low, high = bounds
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"bounds must be finite and in order, got {bounds}")
    vector = finite_vector(values, name)
    if vector.min() < low or vector.max() > high:
        raise ValueError(
            f"{name} span [{vector.min()}, {vector.max()}], beyond the possible [{low}, {high}]: "
            "state the range that the metric can take"
        )
    return vector


def cluster_index(clusters: Labels | None, n: int) -> NDArray[np.intp]:
    """Return one index 0..G-1 per value: its cluster, or itself where there are no clusters."""
    if clusters is None:
        return np.arange(n)
    labels = np.asarray(clusters)
    if labels.shape != (n,):
        raise ValueError(f"{n} values need {n} cluster labels, got shape {labels.shape}")
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.intp)


def check_level(level: float) -> None:
    """Raise ValueError unless 0 < level < 1."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"a confidence level lies strictly between 0 and 1, got {level}")


def check_resamples(resamples: int, level: float) -> None:
    """Raise ValueError where fewer than five resamples would lie beyond each end."""
    least = max(100, math.ceil(round(10.0 / (1.0 - level), 6)))
    if resamples < least:
        raise ValueError(f"level {level} needs at least {least} resamples, got {resamples}")
