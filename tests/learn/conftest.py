"""Traces by hand: a prompt, then what a policy and its tools wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from ratchet.core.records import Trace
from ratchet.core.task import Attempt, StopReason, Task, Turn, Verdict

MakeTrace = Callable[..., Trace]


def build(
    reward: float = 1.0,
    *,
    task: str = "t",
    role: str = "solver",
    turns: Sequence[Turn] | None = None,
    stop: StopReason = StopReason.END,
    measures: Mapping[str, float] | None = None,
) -> Trace:
    written = turns or (
        Turn("user", "q", (1, 2)),
        Turn("policy", "a", (3, 4, 5), (-0.1, -0.2, -0.3)),
    )
    return Trace(
        Task(task, "world", "q", "family", 1),
        Attempt(task, "v0", tuple(written), "a", stop),
        Verdict(reward, reward > 0.5, True, "exact"),
        role,
        measures or {},
    )


@pytest.fixture
def make_trace() -> MakeTrace:
    return build
