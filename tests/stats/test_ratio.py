from __future__ import annotations

import numpy as np
import pytest

from ratchet.core.seeds import Seed
from ratchet.stats import ratio_interval


def test_the_ratio_of_means_lies_within_its_interval() -> None:
    u, v = np.array([0.1, 0.3, 0.2, 0.4]), np.array([0.4, 0.6, 0.5, 0.5])
    found = ratio_interval(u, v)
    assert found is not None
    assert found.mean == pytest.approx(0.5) and found.low < 0.5 < found.high and found.n == 4


def test_no_ratio_to_what_may_be_zero() -> None:
    assert ratio_interval([1.0, 1.0, 1.0], [0.1, -0.1, 0.2]) is None
    assert ratio_interval([1.0, 1.0], [-1.0, -1.0]) is None


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="two or more pairs"):
        ratio_interval([1.0], [1.0])
    with pytest.raises(ValueError, match="two or more pairs"):
        ratio_interval([1.0, 2.0], [1.0, 2.0, 3.0])


def test_coverage() -> None:
    rng, inside = Seed(3).child("ratio").rng(), 0
    for _ in range(400):
        v = rng.normal(0.3, 0.5, 80)
        u = 0.5 * v + rng.normal(0.0, 0.4, 80)
        found = ratio_interval(u, v)
        inside += found is not None and found.low <= 0.5 <= found.high
    assert 0.92 < inside / 400 < 0.98
