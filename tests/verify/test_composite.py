"""What an attempt earns: right, wrong, unreadable."""

from __future__ import annotations

import pytest

from ratchet.core.records import Trace
from ratchet.core.task import Attempt, StopReason, Task, Verdict
from ratchet.verify.composite import composite, shaped

RIGHT = Verdict(1.0, True, True, "exact")
WRONG = Verdict(0.0, False, True, "exact")
UNREAD = Verdict(0.0, False, False, "exact")


@pytest.mark.parametrize(("verdict", "reward"), [(RIGHT, 1.0), (WRONG, -0.5), (UNREAD, -1.0)])
def test_three_levels(verdict: Verdict, reward: float) -> None:
    assert composite(verdict) == reward
    assert composite(verdict, wrong=0.0, unread=0.0) == max(reward, 0.0)


def test_shaping_changes_the_reward_and_nothing_else() -> None:
    trace = Trace(
        Task("t", "w", "q", "deduction", 1),
        Attempt("t", "v", (), "a", StopReason.END),
        WRONG,
        "solver",
        {"p": 0.5},
    )
    found = shaped(trace, wrong=-0.25)
    assert found.verdict.reward == -0.25 and not found.verdict.passed
    assert (found.task, found.attempt, found.measures) == (trace.task, trace.attempt, {"p": 0.5})
    assert trace.verdict.reward == 0.0, "the record keeps the verdict"
