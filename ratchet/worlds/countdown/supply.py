"""The problems of one family from one side of the partition, on demand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations_with_replacement
from random import Random

from ratchet.worlds.countdown.problem import CARD, TWENTY_FOUR, Problem
from ratchet.worlds.countdown.solutions import MAX_GIVEN, reach, solve
from ratchet.worlds.protocol import Stream
from ratchet.worlds.supply import Supply

LEVELS_OF = {
    "two": (1, 2),
    "three": (2, 3),
    "four": (3, 4),
    "some": (1, 2, 3, 4),
    "twenty_four": (3, 4, 5),
}
"""Levels that each family offers; rarer ones come only where no level is asked for."""

BIGGEST, BIGGEST_OF_TWO, BIGGEST_TARGET = 25, 50, 100
"""Largest number, number of a pair and target that are drawn: of pairs there would be too few."""
_MISSES = 500
"""A family counts as exhausted after so many draws in a row without a new problem."""


def open_supply(family: str, stream: Stream | None, random: Random) -> Supply[Problem]:
    """Return the problems of one family, open (stream None) or reserved for one stream.

    Families ``two`` and ``twenty_four`` are listed, shuffled and given to the last one. The others
    are drawn, and what has another side or was seen before is dropped.
    """
    listed = family in ("two", "twenty_four")
    source = _listed(family, random) if listed else _drawn(family, random)
    # The side is known at once, the solution is not.
    sided = (problem for problem in source if problem.stream == stream)
    return Supply((problem for problem in sided if problem.level), _MISSES)


def _listed(family: str, random: Random) -> Iterator[Problem]:
    problems = list(_list(family))
    random.shuffle(problems)
    for problem in problems:
        yield Problem(problem.target, tuple(random.sample(problem.numbers, len(problem.numbers))))


@cache
def _list(family: str) -> tuple[Problem, ...]:
    if family == "two":
        pairs = list(combinations_with_replacement(range(1, BIGGEST_OF_TWO + 1), 2))
        made = ((pair, value) for pair in pairs for value in reach(pair))
        whole = ((int(value), pair) for pair, value in made if value.denominator == 1)
        return tuple(Problem(t, pair) for t, pair in whole if 1 <= t <= BIGGEST_TARGET)
    hands = combinations_with_replacement(range(1, CARD + 1), MAX_GIVEN)
    return tuple(Problem(TWENTY_FOUR, hand) for hand in hands if solve(hand, TWENTY_FOUR))


def _drawn(family: str, random: Random) -> Iterator[Problem]:
    """Draw numbers and a target until something makes it: most targets under four numbers do."""
    size = 3 if family == "three" else MAX_GIVEN
    while True:
        numbers = tuple(random.randint(1, BIGGEST) for _ in range(size))
        target = random.randint(1, BIGGEST_TARGET)
        problem = Problem(target, numbers, family != "some")
        if problem.family == family:
            yield problem
