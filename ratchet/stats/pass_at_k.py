"""pass@k from n attempts a problem.

Not here: its interval. Give the values by problem to `mean_interval`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.integer[Any]] | Sequence[int]


@overload
def pass_at_k(n: int, c: int, k: int) -> float: ...


@overload
def pass_at_k(n: int | Counts, c: Counts, k: int | Counts) -> NDArray[np.float64]: ...


def pass_at_k(n: int | Counts, c: int | Counts, k: int | Counts) -> float | NDArray[np.float64]:
    """Unbiased estimate of the chance that at least one of k attempts passes.

    n attempts were made and c of them passed; the arguments broadcast, and three plain integers
    give a float. Chen et al. 2021 (arXiv 2107.03374), equation 1: 1 - C(n-c, k) / C(n, k), as the
    product over j < k of (n-c-j) / (n-j), which neither overflows nor subtracts large numbers.
    Raises ValueError where a count is not whole, c is outside 0..n, or k is outside 1..n.
    """
    attempts, passed, draws = np.broadcast_arrays(_whole(n, "n"), _whole(c, "c"), _whole(k, "k"))
    _refuse(passed < 0, f"c must not be negative, got c={c}")
    _refuse(passed > attempts, f"c passed of n attempts needs c <= n, got n={n}, c={c}")
    _refuse(draws < 1, f"k must be at least 1, got k={k}")
    _refuse(draws > attempts, f"k draws need n >= k attempts, got n={n}, k={k}")
    miss = np.ones(attempts.shape)
    for j in range(int(draws.max())):  # a factor is 0 before any is negative: counts are whole
        left = np.maximum(attempts - j, 1)
        miss *= np.where(j < draws, (left - passed) / left, 1.0)
    return float(1.0 - miss) if miss.ndim == 0 else 1.0 - miss


def _whole(values: int | Counts, name: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size == 0 or array.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold whole numbers, got {values!r}")
    return array.astype(np.int64)


def _refuse(wrong: NDArray[np.bool_], message: str) -> None:
    if wrong.any():
        raise ValueError(message)
