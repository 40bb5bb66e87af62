"""The course of a run over its generations: slopes of measures, rise and decline, first alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ratchet.report.schema import Course, GenerationReport


def describe_course(
    told: Sequence[GenerationReport], readings: Sequence[Mapping[str, Any]]
) -> Course:
    """Return the course of these generations; ``readings`` are those of the monitors, by name.

    A slope is that of the least-squares line over the generations that have the measure, two at
    least. Thirds are those of the generations in order, three at least; of a number that three does
    not divide, the last third has what is left over.
    """
    scores = [g.candidate.mean for g in told if g.candidate is not None]
    third = len(scores) // 3
    rise = decline = None
    if third:
        first, middle = _mean(scores[:third]), _mean(scores[third : 2 * third])
        rise, decline = middle - first, middle - _mean(scores[2 * third :])
    monitors = sorted({name for reading in readings for name in reading})
    return Course(
        means={name: _mean([v for _, v in points]) for name, points in _points(told).items()},
        slopes=_slopes(told),
        rise=rise,
        decline=decline,
        alarms={name: _first(told, name) for name in monitors},
    )


def _points(told: Sequence[GenerationReport]) -> dict[str, list[tuple[int, float]]]:
    names = sorted({name for generation in told for name in generation.measures})
    return {
        name: [(g.generation, g.measures[name]) for g in told if name in g.measures]
        for name in names
    }


def _slopes(told: Sequence[GenerationReport]) -> dict[str, float]:
    slopes = {}
    for name, points in _points(told).items():
        if len(points) > 1:
            at, value = np.array(points, dtype=np.float64).T
            away = at - at.mean()
            slopes[name] = float(away @ value / (away @ away))
    return slopes


def _first(told: Sequence[GenerationReport], name: str) -> int:
    """Return the generation in which a finding came first; one past the last if it never did."""
    for generation in told:
        if any(finding.name == name for finding in generation.findings):
            return generation.generation
    return len(told) + 1


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
