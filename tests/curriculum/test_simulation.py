"""What the simulations show, in signs alone."""

from __future__ import annotations

import pytest

from ratchet.core.seeds import Seed
from ratchet.curriculum.simulation import co_evolve, teach_under_noise

SEEDS = [Seed(n) for n in range(1, 5)]


@pytest.mark.parametrize(("j", "sign"), [(-0.6, -1), (-0.3, -1), (0.3, 1), (1.0, 1)])
def test_learning_has_the_sign_of_j(j: float, sign: int) -> None:
    for seed in SEEDS:
        assert sign * (teach_under_noise(j, seed, steps=200) - 0.3) > 0.05


def test_a_coin_teaches_nothing_on_average() -> None:
    ends = [teach_under_noise(0.0, Seed(n), steps=200) for n in range(1, 13)]
    assert sum(ends) / len(ends) == pytest.approx(0.3, abs=0.08)


def effect(concentration: float, oracle: bool = False) -> tuple[float, float]:
    """Return what training the proposer adds, and the label accuracy, over a few seeds."""
    runs = [
        [co_evolve(concentration, seed, trained=t, oracle=oracle) for seed in SEEDS]
        for t in (True, False)
    ]
    gains = [a.score - b.score for a, b in zip(*runs, strict=True)]
    return sum(gains) / len(gains), sum(run.label_accuracy for run in runs[0]) / len(gains)


def test_the_sign_of_the_curriculum_turns_with_the_labels() -> None:
    good, sure = effect(-0.5)
    bad, unsure = effect(1.5)
    true, always = effect(1.5, oracle=True)
    assert good > 0.02 and true > 0.02 and bad < -0.02
    assert sure > 0.75 and unsure < 0.65 and always == 1.0


def test_a_trained_proposer_moves_the_frontier_of_the_first_solver() -> None:
    pinned = [co_evolve(0.0, seed).pinned for seed in SEEDS]
    assert sum(p[0] for p in pinned) > sum(p[-1] for p in pinned)
    assert co_evolve(0.0, SEEDS[0]) == co_evolve(0.0, SEEDS[0])
