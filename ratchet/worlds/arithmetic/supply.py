"""The problems of one family from one side of the partition, on demand."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ratchet.worlds.arithmetic.families import (
    LEVELS_OF,
    LISTED,
    Problem,
    draw_problem,
    list_problems,
    turn,
)
from ratchet.worlds.protocol import Stream
from ratchet.worlds.supply import Supply

_MISSES = 2_000
"""A drawn family counts as exhausted after so many draws in a row without a new problem."""


def open_supply(family: str, stream: Stream | None, random: Random) -> Supply[Problem]:
    """Return the problems of one family, open (stream None) or reserved for one stream.

    Listed families are shuffled and given to the last one. The others are drawn, and what has
    another side, an id seen before or a level that the family does not offer is dropped.
    """
    source = _listed if family in LISTED else _drawn
    return Supply(source(family, stream, random), _MISSES)


def _listed(family: str, stream: Stream | None, random: Random) -> Iterator[Problem]:
    problems = [problem for problem in list_problems(family) if problem.stream == stream]
    random.shuffle(problems)
    return (turn(problem, random) for problem in problems)


def _drawn(family: str, stream: Stream | None, random: Random) -> Iterator[Problem]:
    seen: set[str] = set()
    misses = 0
    while misses < _MISSES:
        problem = draw_problem(family, random)
        wanted = problem.stream == stream and problem.level in LEVELS_OF[family]
        if wanted and problem.id not in seen:
            seen.add(problem.id)
            misses = 0
            yield problem
        else:
            misses += 1
