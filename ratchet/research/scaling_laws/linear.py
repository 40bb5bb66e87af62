"""Many small symmetric systems at once: the matrices' axes come first, the systems stand last.

Elimination takes three array operations for a pivot of all systems together; LAPACK, called once
for each system, takes longer than the arithmetic. Systems are positive, so there is no pivoting,
and none touches another: what is found for one does not depend on which others are solved with it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_RIDGE, _LEAST = 1e-10, 1e-120
"""Added to a diagonal: a share of it, and the least that may stand there."""


def project(products: Array, bound: Array) -> tuple[Array, Array]:
    """Solve least squares under signs, from inner products.

    ``products`` [A, A, B] are those of K columns, the target, and further vectors, in this order;
    ``bound`` [K] has 1, -1 or 0 (free) for the sign of each coefficient. Coefficients of the wrong
    sign are dropped one after another, the worst first. Returns the coefficients [K, B] and the
    inner products [A - K, A - K, B] of what the columns that are left do not explain.
    """
    count = len(bound)
    system = products.copy()
    diagonal = np.einsum("iib->ib", system)[:count]
    diagonal *= 1.0 + _RIDGE
    diagonal += _LEAST
    left = _eliminate(system.copy(), count)
    found = _substitute(left, count)
    signs, kept = bound[:, None], np.ones((len(products), found.shape[1]))
    for _ in range(count if bound.any() else 0):
        wrong = found * signs
        worst = wrong.min(axis=0)
        if not (worst < 0).any():
            break
        # All are solved again: to gather those that must be takes longer.
        kept[:count] *= (wrong != worst) | (worst >= 0)
        left = system * (kept[:, None] * kept)
        np.einsum("iib->ib", left)[:] += 1.0 - kept
        found = _substitute(_eliminate(left, count), count)
    return found, left[count:, count:]


def solve(system: Array, right: Array) -> Array:
    """Solve positive systems [P, P, B] for right-hand sides [P, B]."""
    count = len(right)
    if count == 1:
        single: Array = right / system[0]
        return single
    joined = np.empty((count + 1, count + 1, *right.shape[1:]))
    joined[:count, :count] = system
    joined[:count, count] = joined[count, :count] = right
    joined[count, count] = 0.0
    return _substitute(_eliminate(joined, count), count)


def _eliminate(system: Array, count: int) -> Array:
    """Eliminate the first so many rows, in place; the lower right becomes their complement."""
    for i in range(count):
        share = system[i + 1 :, i] / system[i, i]
        system[i + 1 :, i + 1 :] -= share[:, None] * system[i, i + 1 :]
    return system


def _substitute(left: Array, count: int) -> Array:
    """Return the solution [K, B] for the column after the eliminated ones."""
    found = np.empty((count, *left.shape[2:]))
    for i in range(count - 1, -1, -1):
        value = left[i, count]
        for j in range(i + 1, count):
            value = value - left[i, j] * found[j]
        found[i] = value / left[i, i]
    return found
