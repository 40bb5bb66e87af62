"""Self-imitation: SPIN's pairs, and the bounded reward of the chi-square objective."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.task import Turn
from ratchet.diagnose.imitation import measure_gap
from ratchet.engine.losses import CrossEntropy, Preference
from ratchet.engine.protocol import Scored
from ratchet.learn.chi_square import chi_square, implicit_rewards
from ratchet.learn.spin import spin
from ratchet.recipes.toy_self_play.imitation import BOUND, TEXTS, imitate

Make = Callable[..., Trace]


def test_spin_prefers_the_target_to_ones_own(make_trace: Make) -> None:
    target, own = make_trace(task="a"), make_trace(task="b")
    update = spin([(target, own)], scale=0.3)
    assert update.loss == Preference("pairwise", 0.3) and len(update.batch.rows) == 2
    assert update.signal == 1


def test_rewards_count_what_the_policy_wrote(make_trace: Make) -> None:
    pair = (
        make_trace(turns=[Turn("user", "q", (1, 2)), Turn("policy", "a", (3, 4), (-1.0, -1.0))]),
        make_trace(turns=[Turn("user", "q", (1, 2)), Turn("policy", "b", (5,), (-1.0,))]),
    )
    now = [Scored((-9.0, -1.0, -2.0)), Scored((-9.0, -3.0))]
    then = [Scored((-1.0, -2.0, -2.5)), Scored((-1.0, -2.0))]
    assert implicit_rewards([pair], now, then, 0.5) == [pytest.approx((0.75, -0.5))]


def test_weights_are_the_gradient_of_the_objective(make_trace: Make) -> None:
    """By finite differences of E_P[r] - E_Q[r] - c Var[r] in the rewards of each text."""
    pairs, rewards = [(make_trace(), make_trace())] * 2, [(0.3, -0.7), (1.2, 0.1)]

    def objective(values: np.ndarray) -> float:
        target, own = values[:, 0], values[:, 1]
        return float(target.mean() - own.mean() - 0.8 * values.var())

    update = chi_square(pairs, rewards, scale=2.0, penalty=0.8)
    assert update.loss == CrossEntropy("sum")
    for i in range(2):
        for j in range(2):
            moved = np.array(rewards)
            moved[i, j] += 1e-5
            slope = (objective(moved) - objective(np.array(rewards))) / 1e-5
            weight = update.batch.rows[2 * i + j].weights[2]
            assert weight == pytest.approx(2.0 * slope, abs=1e-3)
    with pytest.raises(ValueError, match="1 rewards for 2 pairs"):
        chi_square(pairs, rewards[:1])


def test_nothing_pulls_at_the_bound(make_trace: Make) -> None:
    update = chi_square([(make_trace(), make_trace())], [(0.5, -0.5)], penalty=2.0)
    assert {w for row in update.batch.rows for w in row.weights} == {0.0}


def test_the_chi_square_reward_is_bounded_where_that_of_spin_is_not() -> None:
    target = np.full(TEXTS, 0.02 / TEXTS)
    target[3] += 0.98
    found = {rule: imitate(rule, target, 2, Seed(1)) for rule in ("spin", "chi_square")}
    assert found["chi_square"]["largest"] <= 1.05 * BOUND < 2.0 < found["spin"]["largest"]
    assert 0.0 < found["spin"]["divergence"] < found["chi_square"]["divergence"] < 3.0


def test_the_gap_closes_as_the_target_is_reached() -> None:
    far = measure_gap([(1.0, -0.5), (0.8, -0.4), (0.9, -0.6)], bound=1.0)
    near = measure_gap([(0.01, 0.0), (-0.01, 0.02), (0.0, 0.01)], bound=1.0)
    assert far.low > 0.0 and far.bounded and far.gap == pytest.approx(1.4)
    assert near.low < 0.0 and abs(near.gap) < 0.02
    assert not measure_gap([(3.0, 0.0)], bound=1.0).bounded
