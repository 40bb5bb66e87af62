from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ratchet.core.records import Trace
from ratchet.core.task import StopReason, Turn
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.losses import PolicyGradient
from ratchet.engine.protocol import Full, Optim, Sampling, Scored
from ratchet.engine.reference import loss_and_grad
from ratchet.engine.validate import check_batch
from ratchet.learn.grpo import grpo

Make = Callable[..., Trace]


def test_groups_without_signal_are_dropped_and_counted(make_trace: Make) -> None:
    groups = [
        [make_trace(1.0), make_trace(0.0)],
        [make_trace(1.0, task="u"), make_trace(1.0, task="u")],
    ]
    update = grpo(groups, clip=0.2, clip_high=0.28)
    assert (update.signal, update.dropped, len(update.batch.rows)) == (1, 1, 2)
    assert update.loss == PolicyGradient("token", 0.0, "rows")
    good, bad = update.batch.rows
    assert good.advantages == pytest.approx((1.0,) * 5, rel=1e-5)
    assert bad.advantages == pytest.approx((-1.0,) * 5, rel=1e-5)
    assert (good.clip_low[0], good.clip_high[0]) == (0.2, 0.28)
    assert good.weights == (0.0, 0.0, 1.0, 1.0, 1.0)
    assert grpo(groups[1:]).batch.rows == ()


def test_clip_is_symmetric_unless_told(make_trace: Make) -> None:
    (row, _) = grpo([[make_trace(1.0), make_trace(0.0)]], clip=0.1).batch.rows
    assert (row.clip_low[0], row.clip_high[0]) == (0.1, 0.1)


def test_errors_have_no_reward(make_trace: Make) -> None:
    """An environment's error would otherwise be a zero that lifts the others."""
    group = [make_trace(1.0), make_trace(1.0), make_trace(0.0, stop=StopReason.ERROR)]
    update = grpo([group])
    assert (update.signal, update.dropped, update.measures["errors"]) == (0, 1, 1.0)


def test_empty_completions_count_in_the_mean_but_make_no_row(make_trace: Make) -> None:
    empty = make_trace(0.0, turns=[Turn("user", "q", (1, 2)), Turn("policy", "")])
    update = grpo([[make_trace(1.0), empty]])
    (row,) = update.batch.rows
    assert row.advantages[0] == pytest.approx(1.0, rel=1e-5)


def test_role_baseline_compares_a_role_over_tasks(make_trace: Make) -> None:
    groups = [
        [make_trace(0.9, task="a", role="proposer"), make_trace(1.0, task="b")],
        [make_trace(0.1, task="c", role="proposer"), make_trace(1.0, task="d")],
    ]
    with pytest.raises(ValueError, match="mixes tasks"):
        grpo(groups)
    update = grpo(groups, baseline="role")
    assert (update.signal, update.dropped) == (1, 1)
    assert [row.advantages[0] for row in update.batch.rows] == pytest.approx([1.0, -1.0], rel=1e-4)


def test_scale_none_keeps_the_size_of_rewards(make_trace: Make) -> None:
    update = grpo([[make_trace(0.6), make_trace(0.4)]], scale="none")
    assert [row.advantages[0] for row in update.batch.rows] == pytest.approx([0.1, -0.1])


def test_reference_is_filled_in_for_kl(make_trace: Make) -> None:
    update = grpo([[make_trace(1.0), make_trace(0.0)]], kl=0.1)
    filled = update.with_reference([Scored((-1.0, -2.0, -3.0, -4.0))] * 2)
    assert filled.batch.rows[1].reference_logprobs == (0.0, -1.0, -2.0, -3.0, -4.0)
    check_batch(filled.batch, filled.loss)
    with pytest.raises(ValueError, match="shorter"):
        update.with_reference([Scored((-1.0, -2.0, -3.0, -4.0))])


def test_each_attempt_counts_by_its_token_mean(make_trace: Make) -> None:
    """Equation 3 by hand: at ratio 1 an attempt's share does not grow with its length."""
    long = [Turn("user", "q", (1,)), Turn("policy", "a", (1, 0, 1, 0), (np.log(0.5),) * 4)]
    short = [Turn("user", "q", (1,)), Turn("policy", "a", (1,), (np.log(0.5),))]
    update = grpo([[make_trace(1.0, turns=long), make_trace(0.0, turns=short)]])
    _, grads = loss_and_grad([np.zeros((4, 2)), np.zeros((1, 2))], update.batch, update.loss)
    assert np.abs(grads[0]).sum() == pytest.approx(0.5, rel=1e-5)
    assert np.abs(grads[1]).sum() == pytest.approx(0.5, rel=1e-5)


def test_it_learns(make_trace: Make) -> None:
    fake = FakeEngine({"t": Tabular(tuple("0123"), str)})
    fake.create("p", "t", Full())
    tasks = {"x": "1", "y": "3"}
    prompts = [fake.encode("p", text) for text in tasks]
    for step in range(25):
        groups = []
        drawn = fake.sample("p", prompts, Sampling(step, 1, n=12))
        for (text, truth), prompt, draws in zip(tasks.items(), prompts, drawn, strict=True):
            groups.append(
                [
                    make_trace(
                        float(c.text == truth),
                        task=text,
                        turns=[
                            Turn("user", text, prompt),
                            Turn("policy", c.text, c.tokens, c.logprobs),
                        ],
                    )
                    for c in draws
                ]
            )
        update = grpo(groups)
        if update.batch.rows:
            fake.forward_backward("p", update.batch, update.loss)
            fake.optim_step("p", Optim(lr=0.3))
    final = fake.sample("p", prompts, Sampling(0, 1, temperature=0.0))
    assert [draws[0].text for draws in final] == ["1", "3"]
    assert min(draws[0].logprobs[0] for draws in final) > np.log(0.8)
