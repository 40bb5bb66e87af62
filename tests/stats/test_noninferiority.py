"""Non-inferiority of capabilities: whom it lets pass, whom it stops, and its power."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.stats import Noninferiority, Standing, noninferiority_power

SIGNS = np.array([-1.0, 0.0, 1.0])
PLAN = Noninferiority(margin=0.1, alpha=0.05, harm=0.05, batch=25, cap=400)


def power(change: object, differ: object, plan: Noninferiority = PLAN) -> float:
    rng = np.random.default_rng(2)
    return noninferiority_power(plan, differ, change, rng=rng, runs=1500)  # type: ignore[arg-type]


@pytest.mark.parametrize("differ", [0.1, 0.2, 0.5])
def test_a_loss_of_the_margin_passes_at_most_at_alpha(differ: float) -> None:
    assert 0.0 < power(-0.1, differ) <= 0.055
    hidden = [-0.1, *[0.15] * 7]
    assert power(hidden, [max(differ, 0.1), *[0.2] * 7]) <= 0.055


def test_gains_pass_and_power_falls_with_noise_and_number() -> None:
    assert power(0.1, [0.2] * 8) > 0.95
    one, eight = power(0.0, 0.2), power(0.0, [0.2] * 8)
    assert one > 0.95 and one > eight > 0.6
    assert power(0.0, [0.4] * 8) < eight
    assert power(0.0, 0.2, Noninferiority(0.1, 0.05, 0.05, 25, 100)) < one


def test_a_capability_is_called_lost_only_beyond_the_margin() -> None:
    rng = np.random.default_rng(4)

    def lost(change: float) -> float:
        counts = np.zeros((1500, 4, 3))
        found = np.zeros(1500, dtype=bool)
        for _ in range(16):
            counts += rng.multinomial(25, [(0.3 - change) / 2, 0.7, (0.3 + change) / 2], (1500, 4))
            found |= (PLAN.read(SIGNS, counts) == Standing.LOST).any(axis=1)
        return float(found.mean())

    assert lost(-0.1) <= 0.055
    assert lost(-0.25) > 0.95


def test_readings_by_capability() -> None:
    counts = [[0, 75, 25], [45, 50, 5], [2, 20, 3], [60, 310, 30]]
    assert PLAN.read(SIGNS, counts).tolist() == [
        Standing.KEPT,
        Standing.LOST,
        Standing.OPEN,
        Standing.UNSHOWN,
    ]


def test_the_harm_level_is_shared_among_the_capabilities() -> None:
    alone = np.array([[18, 75, 7]])
    while PLAN.read(SIGNS, alone)[0] != Standing.LOST:
        alone += [[1, 0, 0]]
    of_eight = np.concatenate([alone, [[0, 10, 0]] * 7])
    assert PLAN.read(SIGNS, of_eight)[0] == Standing.OPEN


def test_bad_plans_and_shares_are_refused() -> None:
    with pytest.raises(ValueError, match="strictly between"):
        Noninferiority(0.0, 0.05, 0.05, 1, 1)
    with pytest.raises(ValueError, match="looks need"):
        Noninferiority(0.1, 0.05, 0.05, 9, 8)
    with pytest.raises(ValueError, match="share of differing"):
        power(0.3, 0.2)
