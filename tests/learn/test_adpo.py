from __future__ import annotations

from collections.abc import Callable
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.core.records import Trace
from ratchet.learn.adpo import adpo, trust, upper_clip
from ratchet.learn.grpo import grpo

Make = Callable[..., Trace]


def group(make_trace: Make, p: float, task: str) -> list[Trace]:
    return [make_trace(reward, task=task, measures={"p": p}) for reward in (1.0, 0.0)]


@pytest.mark.parametrize(
    ("p", "s", "high"),
    [
        (0.0, 0.6, 0.3),
        (0.3, 0.6, 0.3),
        (0.55, 0.8, 0.25),
        (0.6, 0.84, 0.24),
        (0.8, 1.0, 0.2),
        (1.0, 1.0, 0.2),
    ],
)
def test_concrete_forms(p: float, s: float, high: float) -> None:
    assert trust(p) == pytest.approx(s)
    assert upper_clip(p) == pytest.approx(high)


@settings(derandomize=True)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_trust_rises_and_the_bound_falls(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert trust(low) <= trust(high)
    assert upper_clip(low) >= upper_clip(high)


def test_ambiguous_groups_count_less_and_may_move_further(make_trace: Make) -> None:
    groups = [group(make_trace, 0.3, "a"), group(make_trace, 0.8, "b")]
    update = adpo(groups)
    first, _, third, _ = update.batch.rows
    assert first.advantages[0] / third.advantages[0] == pytest.approx(0.6)
    assert (first.clip_high[0], third.clip_high[0]) == pytest.approx((0.3, 0.2))
    assert first.clip_low[0] == third.clip_low[0] == 0.2
    assert update.measures["scale_std"] == pytest.approx(0.2)
    assert update.measures["clip_high_std"] == pytest.approx(0.05)


def test_mean_step_is_that_of_grpo(make_trace: Make) -> None:
    groups = [group(make_trace, p, str(p)) for p in (0.3, 0.5, 0.9)]
    plain, ours, raw = grpo(groups), adpo(groups), adpo(groups, normalise=False)
    size = [np.mean([abs(row.advantages[0]) for row in u.batch.rows]) for u in (plain, ours, raw)]
    assert size[1] == pytest.approx(size[0])
    assert size[2] == pytest.approx(size[0] * raw.measures["scale_mean"])
    assert raw.measures["scale_mean"] == pytest.approx((0.6 + 0.76 + 1.0) / 3)


@pytest.mark.parametrize("measures", [{}, {"p": nan}, {"p": 1.2}, {"p": -0.1}, {"q": 0.5}])
def test_a_missing_consistency_is_never_a_constant(
    make_trace: Make, measures: dict[str, float]
) -> None:
    bad = [make_trace(reward, measures=measures) for reward in (1.0, 0.0)]
    with pytest.raises(ValueError, match="group 1: every trace needs"):
        adpo([group(make_trace, 0.5, "a"), bad])


def test_a_group_has_one_consistency(make_trace: Make) -> None:
    mixed = [make_trace(r, measures={"p": p}) for r, p in ((1.0, 0.4), (0.0, 0.6))]
    with pytest.raises(ValueError, match="group 0"):
        adpo([mixed])


def test_groups_without_signal_are_counted(make_trace: Make) -> None:
    sure = [make_trace(1.0, task="b", measures={"p": 1.0})] * 2
    update = adpo([group(make_trace, 0.5, "a"), sure, []])
    assert (update.signal, update.dropped, len(update.batch.rows)) == (1, 2, 2)
    assert adpo([]).batch.rows == ()
