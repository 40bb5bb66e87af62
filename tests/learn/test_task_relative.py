"""Task-relative REINFORCE++: each role at each kind of task against its own mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import fmean, pstdev

import pytest

from ratchet.core.records import Trace
from ratchet.core.task import StopReason
from ratchet.engine.losses import PolicyGradient
from ratchet.engine.validate import check_batch
from ratchet.learn.advantage import by_cell
from ratchet.learn.task_relative import task_relative
from ratchet.learn.update import Update

Make = Callable[..., Trace]


def of(
    make: Make, family: str, *rewards: float, role: str = "solver", task: str = "t"
) -> list[Trace]:
    traces = [make(reward, role=role, task=task) for reward in rewards]
    return [replace(trace, task=replace(trace.task, family=family)) for trace in traces]


def lead(update: Update) -> list[float]:
    return [row.advantages[0] for row in update.batch.rows]


def test_each_cell_is_centred_and_scaled_by_itself(make_trace: Make) -> None:
    easy = of(make_trace, "deduction", 1.0, 1.0, 1.0, 0.0)
    hard = of(make_trace, "induction", 1.0, 0.0, 0.0, 0.0)
    asks = of(make_trace, "induction", 0.5, -1.0, role="proposer")
    update = task_relative([easy, hard, asks])
    found = lead(update)
    cells = [(found[:4], easy), (found[4:8], hard), (found[8:], asks)]
    for advantages, traces in cells:
        rewards = [trace.verdict.reward for trace in traces]
        wanted = [(r - fmean(rewards)) / pstdev(rewards) for r in rewards]
        assert advantages == pytest.approx(wanted, rel=1e-4)
    assert update.measures["cells"] == 3 and update.signal == 3
    assert update.measures["cell_lead"] == pytest.approx(0.0, abs=1e-9)
    assert update.measures["cell_spread"] == pytest.approx(pstdev([0.75, 0.25, -0.25]))


def test_a_pooled_baseline_pays_a_mode_for_being_easy(make_trace: Make) -> None:
    groups = [
        of(make_trace, "deduction", 1.0, 1.0, 1.0, 0.0),
        of(make_trace, "induction", 1.0, 0.0, 0.0, 0.0),
    ]
    pooled, cells = task_relative(groups, baseline="pooled"), task_relative(groups)
    assert fmean(lead(pooled)[:4]) == pytest.approx(0.5, abs=1e-4)
    assert fmean(lead(pooled)[4:]) == pytest.approx(-0.5, abs=1e-4)
    assert pooled.measures["cell_lead"] == pytest.approx(0.5, abs=1e-4)
    assert pooled.measures["cell_spread"] == cells.measures["cell_spread"] == pytest.approx(0.25)


def test_attempts_at_one_task_are_no_group_of_their_own(make_trace: Make) -> None:
    """A task that is always solved still teaches, against the mode's mean; GRPO drops it."""
    always = of(make_trace, "deduction", 1.0, 1.0, task="a")
    never = of(make_trace, "deduction", 0.0, 0.0, task="b")
    update = task_relative([always, never])
    assert lead(update) == pytest.approx([1.0, 1.0, -1.0, -1.0], rel=1e-4)
    assert list(by_cell([always, never])) == [("solver", "deduction")]


def test_cells_without_signal_and_errors_are_left_out(make_trace: Make) -> None:
    same = of(make_trace, "abduction", 0.0, 0.0)
    broken = replace(
        of(make_trace, "deduction", 1.0)[0],
        attempt=replace(make_trace(1.0).attempt, stop=StopReason.ERROR),
    )
    update = task_relative([same, [*of(make_trace, "deduction", 1.0, 0.0), broken]])
    assert (update.signal, update.dropped, update.measures["errors"]) == (1, 1, 1.0)
    assert len(update.batch.rows) == 2
    assert task_relative([]).batch.rows == () and task_relative([same]).batch.rows == ()


def test_the_batch_is_one_and_fit_for_the_engine(make_trace: Make) -> None:
    groups = [of(make_trace, "deduction", 1.0, 0.0), of(make_trace, "induction", 0.5, -1.0)]
    update = task_relative(groups, clip=0.1, clip_high=0.3)
    check_batch(update.batch, update.loss)
    assert update.loss == PolicyGradient("token", 0.0, "rows")
    row = update.batch.rows[0]
    assert (row.clip_low[0], row.clip_high[0]) == (0.1, 0.3)
    assert row.weights == (0.0, 0.0, 1.0, 1.0, 1.0)
