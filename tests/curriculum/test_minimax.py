"""The challenger's pay, and the simulations of the game and of noisy verdicts."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest

from ratchet.core.seeds import Seed
from ratchet.curriculum.drift import START, drift, follow_drift, teach_naturally
from ratchet.curriculum.game import play_game
from ratchet.curriculum.memoriser import Setting, memorise
from ratchet.curriculum.minimax import Stake, pay_challenger

SEEDS = [Seed(n) for n in range(1, 4)]


def test_a_challenger_is_paid_for_failures_and_quality() -> None:
    stakes = [Stake(0.0, 2 / 7), Stake(0.25, 1.0), Stake(1.0, 1.0)]
    assert pay_challenger(stakes, 0.0).rewards == (0.0, -0.25, -1.0)
    assert pay_challenger(stakes, 1.0).rewards == pytest.approx((2 / 7, 0.75, 0.0))


def test_a_term_is_said_to_act_only_where_it_does() -> None:
    differ = pay_challenger([Stake(0.0, 0.5), Stake(1.0, 1.0)], 1.0).changed
    assert differ == {"reward.value": (True, True), "reward.quality": (True, True)}
    same = pay_challenger([Stake(0.5, 1.0), Stake(0.5, 1.0)], 1.0).changed
    assert same == {"reward.value": (False, False), "reward.quality": (False, False)}
    assert set(pay_challenger([Stake(0.5)], 0.0).changed) == {"reward.value"}
    assert pay_challenger([], 1.0).rewards == ()


def test_the_game_collapses_without_quality_and_not_with_it() -> None:
    zero = [play_game(0.0, 0.0, seed) for seed in SEEDS]
    lsp = [play_game(0.02, 1.0, seed) for seed in SEEDS]
    assert fmean(g.nonsense for g in zero) > 0.9 > 0.2 > fmean(g.nonsense for g in lsp)
    assert fmean(g.signal for g in zero) < 0.1 < 0.3 < fmean(g.signal for g in lsp)
    assert all(g.silent_from < 150 for g in zero) and all(g.silent_from == 150 for g in lsp)
    assert fmean(g.score for g in zero) > fmean(g.base for g in zero)
    assert play_game(0.0, 0.0, SEEDS[0]) == zero[0]


def test_kl_delays_the_collapse() -> None:
    heard = [fmean(play_game(beta, 0.0, s).silent_from for s in SEEDS) for beta in (0.0, 0.1)]
    assert heard[0] < heard[1]


@pytest.mark.parametrize(("tpr", "fpr"), [(1.0, 0.0), (0.8, 0.2), (0.5, 0.5), (0.3, 0.6)])
def test_the_drift_is_the_expected_step(tpr: float, fpr: float) -> None:
    """By exact sums over (right, passed): E[z * score] in the log-odds, times b (1 - b)."""
    bad = 0.7
    right = 1.0 - bad
    passing = right * tpr + bad * fpr
    spread = math.sqrt(passing * (1 - passing))
    mean = 0.0
    for is_right, share, chance in ((1.0, right, tpr), (0.0, bad, fpr)):
        for passed, odds in ((1.0, chance), (0.0, 1.0 - chance)):
            score = (is_right - right) / (right * bad)
            mean += share * odds * (passed - passing) / spread * score
    assert drift(bad, tpr, fpr) == pytest.approx(-mean * right * bad)


def test_nothing_moves_where_all_pass_and_bad_shares_are_refused() -> None:
    assert drift(0.5, 1.0, 1.0) == 0.0
    with pytest.raises(ValueError, match="shares"):
        drift(1.2, 0.5, 0.5)


@pytest.mark.parametrize("j", [-0.6, -0.1, 0.0, 0.3, 0.6])
def test_the_simulation_follows_the_formula(j: float) -> None:
    found = fmean(teach_naturally(j, Seed(n), 2.0) for n in range(1, 13))
    assert found == pytest.approx(follow_drift(j, 2.0), abs=0.05)
    assert (follow_drift(j, 2.0) - (1.0 - START)) * j >= 0.0


def test_a_memoriser_leaves_texts_and_a_score_every_round() -> None:
    rounds = memorise(Setting(rounds=3, asked=64), SEEDS[0])
    assert rounds == memorise(Setting(rounds=3, asked=64), SEEDS[0])
    assert [len(one.texts) for one in rounds] == [64] * 3
    assert all(0.0 < one.score < 1.0 for one in rounds) and rounds[2].score > rounds[0].score
    tried = np.array([one.held for one in rounds])
    assert tried.shape == (3, 32) and np.all(tried * 8 % 1 == 0)
    few = {q for one in memorise(Setting(questions=2), SEEDS[0]) for q, _ in one.texts}
    assert len(few) <= 24


def test_held_questions_follow_the_score() -> None:
    rounds = [one for seed in SEEDS for one in memorise(Setting(truth=True), seed)]
    assert fmean(fmean(r.held) - r.score for r in rounds) == pytest.approx(0.0, abs=0.1)
    assert np.corrcoef([fmean(r.held) for r in rounds], [r.score for r in rounds])[0, 1] > 0.7


def test_true_labels_teach_more_than_voted_ones() -> None:
    ends = [
        fmean(memorise(Setting(truth=truth), seed)[-1].score for seed in SEEDS)
        for truth in (True, False)
    ]
    assert ends[0] > ends[1] + 0.05
