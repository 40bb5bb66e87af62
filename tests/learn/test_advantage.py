from __future__ import annotations

from collections.abc import Callable
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.core.records import Trace
from ratchet.core.task import StopReason
from ratchet.learn.advantage import by_role, by_task, group_advantages, judged

REWARDS = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=12)


def test_by_hand() -> None:
    got = group_advantages([1.0, 0.0, 0.0, 0.0])
    deviation = np.sqrt(3) / 4
    assert got == pytest.approx([0.75 / deviation] + [-0.25 / deviation] * 3, rel=1e-5)
    assert group_advantages([1.0, 0.0, 0.0, 0.0], "none") == [0.75, -0.25, -0.25, -0.25]


@pytest.mark.parametrize("rewards", [[], [1.0], [0.0, 0.0], [0.3, 0.1 + 0.2]])
def test_equal_rewards_teach_nothing(rewards: list[float]) -> None:
    assert group_advantages(rewards) is None
    assert group_advantages(rewards, "none") is None


def test_rewards_must_be_finite() -> None:
    with pytest.raises(ValueError, match="not finite"):
        group_advantages([0.0, nan])


@settings(derandomize=True, max_examples=100)
@given(REWARDS, st.floats(0.1, 10.0), st.floats(-5.0, 5.0))
def test_mean_zero_deviation_one_whatever_the_units(
    rewards: list[float], factor: float, shift: float
) -> None:
    got = group_advantages(rewards)
    if len(set(rewards)) < 2:
        assert got is None
        return
    assert got is not None
    assert np.mean(got) == pytest.approx(0.0, abs=1e-9)
    assert np.std(got) == pytest.approx(1.0, rel=1e-4)
    assert np.array_equal(np.argsort(got, kind="stable"), np.argsort(rewards, kind="stable"))
    scaled = group_advantages([factor * reward + shift for reward in rewards])
    assert scaled == pytest.approx(got, rel=1e-3)


def test_grouping(make_trace: Callable[..., Trace]) -> None:
    a, b = make_trace(role="proposer"), make_trace(role="solver")
    c = make_trace(role="proposer", task="u")
    broken = make_trace(stop=StopReason.ERROR)
    assert by_role([[a, b], [c]]) == [[a, c], [b]]
    assert judged([[a, broken], [broken]]) == [[a], []]
    assert by_task([[a, b], [c]]) == [[a, b], [c]]
    with pytest.raises(ValueError, match="group 1 mixes tasks"):
        by_task([[a], [b, c]])
