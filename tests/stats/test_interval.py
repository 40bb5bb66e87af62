"""The interval: its two questions, and what it refuses."""

from __future__ import annotations

import dataclasses
import math

import pytest

from ratchet.stats import Interval


def test_excludes_is_false_on_the_ends() -> None:
    interval = Interval(0.5, 0.25, 0.75, 10)
    assert not any(interval.excludes(value) for value in (0.25, 0.5, 0.75))
    assert interval.excludes(0.2499) and interval.excludes(0.7501)
    assert interval.width == 0.5


def test_inside_is_strict_on_both_sides() -> None:
    interval = Interval(0.0, -0.05, 0.04, 10)
    assert interval.inside(-0.06, 0.05)
    assert not interval.inside(-0.05, 0.05)
    assert not interval.inside(-0.06, 0.04)


@pytest.mark.parametrize(
    ("mean", "low", "high", "n", "said"),
    [
        (0.0, 0.1, -0.1, 3, "lies above"),
        (math.nan, 0.0, 1.0, 3, "finite"),
        (0.0, -math.inf, 1.0, 3, "finite"),
        (0.0, 0.0, 0.0, 0, "at least one"),
    ],
)
def test_impossible_intervals_are_refused(
    mean: float, low: float, high: float, n: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Interval(mean, low, high, n)


def test_an_interval_cannot_be_edited() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Interval(0.0, 0.0, 0.0, 1).low = -1.0  # type: ignore[misc]
