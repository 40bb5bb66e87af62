"""The game's policy gradient: plain advantages, one denominator, two losses in one step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ratchet.core.records import Trace
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.losses import Batch, PolicyGradient, Row
from ratchet.engine.protocol import Full, Optim
from ratchet.learn.grpo import grpo
from ratchet.learn.self_play import scaled, self_play
from ratchet.learn.step import joint_step
from ratchet.learn.update import Update

Make = Callable[..., Trace]


def test_advantages_are_not_divided_and_all_attempts_share_one_denominator(
    make_trace: Make,
) -> None:
    groups = [
        [make_trace(0.8), make_trace(0.2)],
        [make_trace(0.5, task="u"), make_trace(0.5, task="u")],
    ]
    update = self_play(groups)
    good, bad = update.batch.rows
    assert (good.advantages[0], bad.advantages[0]) == pytest.approx((0.3, -0.3))
    assert good.weights == pytest.approx((0.0, 0.0, 0.25, 0.25, 0.25))
    assert update.loss == PolicyGradient("token", 0.0, "sum")
    assert (update.signal, update.dropped) == (1, 1)


def test_attempts_without_an_advantage_stay_where_kl_is_to_act(make_trace: Make) -> None:
    group = [make_trace(0.5), make_trace(0.5)]
    assert self_play([group]).batch.rows == ()
    rows = self_play([group], keep_all=True).batch.rows
    assert [row.advantages[0] for row in rows] == [0.0, 0.0]
    assert rows[0].weights[2] == 0.5


def test_a_challenger_is_compared_over_all_queries(make_trace: Make) -> None:
    group = [make_trace(r, role="proposer", task="request") for r in (-1.0, -0.5, 0.0)]
    rows = self_play([group], baseline="role").batch.rows
    assert [row.advantages[0] for row in rows] == pytest.approx([-0.5, 0.0, 0.5])
    with pytest.raises(ValueError, match="mixes tasks"):
        self_play([[make_trace(1.0, task="a"), make_trace(0.0, task="b")]])


def test_a_loss_is_scaled_with_its_kl(make_trace: Make) -> None:
    update = self_play([[make_trace(1.0), make_trace(0.0)]])
    half = scaled(update, 0.5)
    assert half.batch.rows[0].weights == pytest.approx((0.0, 0.0, 0.25, 0.25, 0.25))
    with pytest.raises(ValueError, match="'rows'"):
        scaled(grpo([[make_trace(1.0), make_trace(0.0)]]), 0.5)


def row(action: int, advantage: float) -> Update:
    tokens = (ord("q"), 0x110000 + action)
    one = Row(
        tokens, (0.0, 1.0), (advantage,) * 2, (0.0, float(-np.log(3))), (0.2,) * 2, (0.2,) * 2
    )
    return Update(Batch((one,)), PolicyGradient("token", 0.0, "sum"), 1, 0)


def test_two_losses_make_one_step_of_their_sum() -> None:
    """Opposite losses of equal size cancel; taken one after another they would not."""
    seen: dict[str, bool] = {}
    logits = []
    for updates in ({"a": row(0, 1.0), "b": row(0, -1.0)}, {"a": row(0, 1.0), "b": row(1, 1.0)}):
        engine = FakeEngine({"table": Tabular(("x", "y", "z"), lambda text: "")})
        engine.create("policy", "table", Full())
        found = joint_step(
            engine, "policy", updates, Optim(0.1, max_grad_norm=0.0), seen.__setitem__
        )
        assert set(found) == {"a", "b"}
        scored = engine.score("policy", [(ord("q"), 0x110000 + i) for i in range(3)])
        logits.append([one.logprobs[0] for one in scored])
        logits[-1].append(found["a"].grad_norm)
    assert logits[0][:3] == pytest.approx([-np.log(3)] * 3) and logits[0][3] == 0.0
    assert logits[1][0] == pytest.approx(logits[1][1]) and logits[1][0] > -np.log(3) > logits[1][2]
    assert seen == {"learner.a": True, "learner.b": True}


def test_nothing_to_learn_is_no_step() -> None:
    engine = FakeEngine({"table": Tabular(("x", "y"), lambda text: "")})
    engine.create("policy", "table", Full())
    empty = Update(Batch(()), PolicyGradient(), 0, 0)
    assert joint_step(engine, "policy", {"a": empty}, Optim(0.1)) == {}
