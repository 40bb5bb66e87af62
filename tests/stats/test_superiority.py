"""The sequential test of a gain: its looks, its errors, what it finds and when it gives up."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.stats import Reading, Superiority

SIGNS = np.array([-1.0, 0.0, 1.0])
PLAN = Superiority(0.05, 0.05, first=40, batch=20, ordinary=200, cap=600)


def run(plan: Superiority, gain: float, differ: float, runs: int = 4000) -> tuple[np.ndarray, ...]:
    """Return readings and numbers of differences of many tests."""
    rng = np.random.default_rng(8)
    counts = np.zeros((runs, 3))
    readings, items = np.zeros(runs, dtype=int), np.zeros(runs, dtype=int)
    n = 0
    for look in plan.looks():
        counts += rng.multinomial(
            look - n, [(differ - gain) / 2, 1 - differ, (differ + gain) / 2], runs
        )
        n = look
        going = readings == Reading.OPEN
        items[going] = n
        readings = np.where(going, plan.read(SIGNS, counts), readings)
    return readings, items


def share(readings: np.ndarray, reading: Reading) -> float:
    return float((readings == reading).mean())


def test_looks_come_at_first_by_batches_and_at_both_caps() -> None:
    assert Superiority(0.01, 0.05, 100, 150, 400, 500).looks() == (100, 250, 400, 500)
    assert Superiority(0.01, 0.05, 120, 40, 120, 120).looks() == (120,)


@pytest.mark.parametrize("differ", [0.1, 0.2, 0.45])
def test_no_gain_is_called_better_at_most_at_alpha_and_worse_at_most_at_harm(
    differ: float,
) -> None:
    readings, _ = run(PLAN, 0.0, differ)
    assert 0.0 < share(readings, Reading.BETTER) <= 0.055
    assert 0.0 < share(readings, Reading.WORSE) <= 0.055
    assert share(readings, Reading.OPEN) == 0.0


def test_repeated_looks_at_a_fixed_sample_test_err_far_more() -> None:
    rng = np.random.default_rng(9)
    values = rng.choice(SIGNS, p=[0.1, 0.8, 0.1], size=(2000, 600))
    n = np.array(PLAN.looks())
    sums, squares = values.cumsum(axis=1)[:, n - 1], (values**2).cumsum(axis=1)[:, n - 1]
    peeking = (sums / np.sqrt(squares) > 1.645).any(axis=1)
    assert peeking.mean() > 0.15


def test_gains_and_losses_are_found_early() -> None:
    readings, items = run(PLAN, 0.1, 0.2)
    assert share(readings, Reading.BETTER) > 0.98 and items.mean() < 250
    readings, items = run(PLAN, -0.15, 0.2)
    assert share(readings, Reading.WORSE) > 0.95 and items.mean() < 150


def test_a_hopeless_test_ends_at_the_ordinary_size_and_a_hopeful_one_goes_on() -> None:
    assert PLAN.read(SIGNS, [20, 160, 20]) == Reading.UNSURE
    assert PLAN.read(SIGNS, [19, 160, 20]) == Reading.OPEN
    assert PLAN.read(SIGNS, [0, 200, 0]) == Reading.UNSURE
    assert PLAN.read(SIGNS, [15, 160, 25]) == Reading.OPEN
    assert PLAN.read(SIGNS, [50, 480, 70]) == Reading.UNSURE
    _, useless = run(PLAN, 0.0, 0.2)
    _, promising = run(PLAN, 0.05, 0.2)
    assert useless.mean() < 280 and promising.mean() > useless.mean()


def test_giving_up_costs_little_power() -> None:
    stubborn = Superiority(0.05, 0.05, first=40, batch=20, ordinary=600, cap=600)
    for gain in (0.03, 0.05):
        lost = share(run(stubborn, gain, 0.2)[0], Reading.BETTER) - share(
            run(PLAN, gain, 0.2)[0], Reading.BETTER
        )
        assert 0.0 <= lost < 0.04


def test_bad_plans_are_refused() -> None:
    for wrong in ((0.0, 0.05, 1, 1, 1, 1), (0.05, 1.0, 1, 1, 1, 1)):
        with pytest.raises(ValueError, match="error levels"):
            Superiority(*wrong)
    for first, batch, ordinary, cap in ((0, 1, 1, 1), (5, 1, 4, 9), (1, 0, 4, 9), (1, 1, 9, 4)):
        with pytest.raises(ValueError, match="looks need"):
            Superiority(0.05, 0.05, first, batch, ordinary, cap)
