from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.linear import project, solve


def _products(columns: np.ndarray) -> np.ndarray:
    """Inner products [A, A, B] of vectors [B, A, N]."""
    return np.moveaxis(columns @ np.swapaxes(columns, -1, -2), 0, -1)


def test_systems_are_solved_one_by_one() -> None:
    rng = Seed(1).rng()
    root = rng.normal(size=(7, 3, 5))
    system, right = _products(root), rng.normal(size=(3, 7))
    found = solve(system, right)
    for b in range(7):
        assert np.allclose(system[..., b] @ found[:, b], right[:, b])
        assert np.array_equal(solve(system[..., b : b + 1], right[:, b : b + 1])[:, 0], found[:, b])
    assert np.allclose(solve(system[:1, :1], right[:1]), right[:1] / system[0, :1])


def test_a_projection_is_least_squares_and_leaves_the_rest() -> None:
    rng = Seed(2).rng()
    columns = rng.normal(size=(4, 5, 9))
    found, rest = project(_products(columns), np.zeros(3))
    for b in range(4):
        known, y, more = columns[b, :3].T, columns[b, 3], columns[b, 4]
        best = np.linalg.lstsq(known, y, rcond=None)[0]
        assert np.allclose(found[:, b], best)
        left = y - known @ best
        assert rest[0, 0, b] == pytest.approx(left @ left)
        assert rest[0, 1, b] == pytest.approx(left @ more)


def test_coefficients_of_the_wrong_sign_are_dropped() -> None:
    rng = Seed(3).rng()
    columns = rng.normal(size=(40, 3, 9))
    found, rest = project(_products(columns), np.array([1.0, -1.0]))
    assert (found[0] >= 0).all() and (found[1] <= 0).all() and (found == 0).any()
    for b in range(40):
        known = columns[b, :2].T * [1.0, -1.0]
        best, error = nnls(known, columns[b, 2])
        assert np.allclose(found[:, b] * [1.0, -1.0], best, atol=1e-8)
        assert rest[0, 0, b] == pytest.approx(error**2, rel=1e-6)


def test_a_column_of_nothing_gets_nothing() -> None:
    columns = np.zeros((1, 3, 4))
    columns[0, 0], columns[0, 2] = 1.0, [1.0, 2.0, 3.0, 4.0]
    found, _ = project(_products(columns), np.zeros(2))
    assert np.allclose(found[:, 0], [2.5, 0.0])
