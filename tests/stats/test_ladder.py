"""The Ladder: what it reports, and how it holds against somebody who climbs by luck."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.stats import climbs, ladder_error, rung


def test_only_a_whole_step_climbs() -> None:
    assert climbs(0.55, 0.5, 0.05) and not climbs(0.549, 0.5, 0.05)
    assert rung(0.534, 0.05) == pytest.approx(0.55)
    assert rung(0.52, 0.05) == pytest.approx(0.5)


def best_by_luck(step: float, rng: np.random.Generator) -> float:
    """Attack 400 coin labels: keep random answer sheets that were reported to be better."""
    truth = rng.integers(0, 2, 400)
    kept: list[np.ndarray] = []
    best = 0.5
    for _ in range(300):
        sheet = rng.integers(0, 2, 400)
        score = float((sheet == truth).mean())
        if climbs(score, best, step) if step else score > 0.5:
            best = rung(score, step) if step else best
            kept.append(sheet)
    if not kept:
        return 0.5
    votes = (np.mean(kept, axis=0) > 0.5).astype(int)
    return float((votes == truth).mean())


def test_it_withstands_the_boosting_attack() -> None:
    rng = np.random.default_rng(1)
    ladder = np.mean([best_by_luck(0.05, rng) for _ in range(20)])
    open_board = np.mean([best_by_luck(0.0, rng) for _ in range(20)])
    assert open_board > 0.65
    assert ladder < 0.58


def test_the_error_bound_holds_and_moves_the_right_way() -> None:
    assert ladder_error(1000, 20, 0.05) < ladder_error(1000, 200, 0.05)
    assert ladder_error(4000, 20, 0.05) < ladder_error(1000, 20, 0.05)
    assert ladder_error(10**9, 20, 0.05) == pytest.approx(0.025, abs=1e-3)
    # One decision, one report: Hoeffding's inequality over 1 + rungs histories.
    rungs = 21
    expected = np.sqrt(np.log(2 * (1 + rungs) / 0.05) / 2000) + 0.025
    assert ladder_error(1000, 1, 0.05) == pytest.approx(float(expected))


def test_bad_input_is_refused() -> None:
    for step in (0.0, 1.0):
        with pytest.raises(ValueError, match="step"):
            climbs(0.5, 0.5, step)
    with pytest.raises(ValueError, match="n=0"):
        ladder_error(0, 1, 0.1)
