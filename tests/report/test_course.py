"""The course of a run: slopes, thirds and first alarms, by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ratchet.report.course import describe_course
from ratchet.report.schema import Found, GenerationReport, Measured


def told(
    number: int, score: float | None, findings: Sequence[str] = (), **measures: float
) -> GenerationReport:
    found = [Found(name=name, message="", action="continue", measures={}) for name in findings]
    measured = None if score is None else Measured(mean=score, low=0.0, high=1.0, n=10)
    return GenerationReport(
        generation=number,
        decision="hold",
        reason="",
        candidate=measured,
        incumbent=None,
        gain=None,
        tests=0,
        findings=found,
        measures=measures,
        families={},
    )


def test_rise_and_decline_are_differences_of_thirds() -> None:
    scores = [0.1, 0.3, 0.6, 0.8, 0.5, 0.3, 0.1]
    course = describe_course([told(i, s) for i, s in enumerate(scores, 1)], [])
    assert course.rise == pytest.approx(0.7 - 0.2)
    assert course.decline == pytest.approx(0.7 - 0.3)
    short = describe_course([told(1, 0.5), told(2, None)], [])
    assert (short.rise, short.decline) == (None, None)


def test_slopes_are_least_squares_where_there_are_two_points() -> None:
    course = describe_course([told(1, None, a=1.0, b=1.0), told(2, None), told(4, None, a=4.0)], [])
    assert course.slopes == pytest.approx({"a": 1.0})
    assert course.means == pytest.approx({"a": 2.5, "b": 1.0})


def test_an_alarm_that_never_comes_is_one_past_the_last() -> None:
    generations = [told(1, None), told(2, None, ["x"]), told(3, None, ["x", "other"])]
    course = describe_course(generations, [{"x": {}, "y": {}}] * 3)
    assert course.alarms == {"x": 2, "y": 4}
