from __future__ import annotations

from collections.abc import Callable

from ratchet.core.records import Trace
from ratchet.core.task import StopReason, Turn
from ratchet.engine.losses import CrossEntropy
from ratchet.engine.validate import check_batch
from ratchet.learn.supervised import supervised


def test_only_accepted_traces_are_learned(make_trace: Callable[..., Trace]) -> None:
    broken = make_trace(1.0, stop=StopReason.ERROR)
    update = supervised([make_trace(1.0), make_trace(0.0), broken])
    assert (update.signal, update.dropped, update.loss) == (1, 2, CrossEntropy("tokens"))
    (row,) = update.batch.rows
    assert (row.tokens, row.weights) == ((1, 2, 3, 4, 5), (0.0, 0.0, 1.0, 1.0, 1.0))
    check_batch(update.batch, update.loss)


def test_acceptance_is_the_callers(make_trace: Callable[..., Trace]) -> None:
    traces = [make_trace(reward) for reward in (0.2, 0.4, 0.9)]
    update = supervised(traces, accept=lambda trace: trace.verdict.reward < 0.5, reduction="rows")
    assert (update.signal, len(update.batch.rows), update.loss) == (2, 2, CrossEntropy("rows"))


def test_nothing_written_is_nothing_to_learn(make_trace: Callable[..., Trace]) -> None:
    empty = make_trace(1.0, turns=[Turn("user", "q", (1, 2)), Turn("policy", "")])
    assert supervised([empty]).batch.rows == ()
