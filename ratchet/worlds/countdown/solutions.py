"""The exact solver: whether given numbers make a target, and the simplest way to do it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache, lru_cache
from itertools import combinations
from typing import NamedTuple

from ratchet.worlds.countdown.expression import (
    Expression,
    Number,
    Operation,
    Operator,
    apply,
    render,
)

MAX_GIVEN = 4
"""Most numbers in a problem."""

_SIGNS: tuple[Operator, ...] = ("+", "*", "-", "/")


class Solution(NamedTuple):
    """An expression and the work in it; ``min`` of several is the simplest."""

    fractional: bool
    """Whether a step leaves the whole numbers."""
    products: int
    """Number of * and /."""
    steps: int
    """Number of operators."""
    length: int
    """Characters of the text."""
    text: str
    """The expression as written."""
    tree: Expression
    """The expression."""


class _Way(NamedTuple):
    """How a value is made, not yet written down."""

    fractional: bool
    products: int
    steps: int
    tree: Expression


def solve(numbers: tuple[int, ...], target: int, every: bool = True) -> Solution | None:
    """Return the simplest way to make the target, or None if there is none.

    Each number is used exactly once, or at most once if ``every`` is False. Simplest: whole numbers
    throughout first, then the fewest products, operators and characters. Raises ValueError for no
    number or more than 4.
    """
    if not 1 <= len(numbers) <= MAX_GIVEN:
        raise ValueError(f"the solver takes 1 to {MAX_GIVEN} numbers, not {len(numbers)}")
    given = tuple(sorted(numbers))
    parts = [given] if every else _parts(given)
    ways = [way for part in parts for way in _make(part, Fraction(target))]
    least = min((way[:3] for way in ways), default=None)
    written = ((way, render(way.tree)) for way in ways if way[:3] == least)
    solutions = (Solution(*way[:3], len(text), text, way.tree) for way, text in written)
    return min(solutions, key=lambda solution: solution[:5], default=None)


def _make(given: tuple[int, ...], target: Fraction) -> Iterator[_Way]:
    """Yield ways to make one value: of the last operation one side is tried, the other looked up.

    So four numbers need no more than the values of three.
    """
    if len(given) == 1:
        if given[0] == target:
            yield _leaf(given[0])
        return
    for left, right in _splits(given):
        others = reach(right)
        for a, one in reach(left).items():
            for operator, b, swapped in _partners(a, target):
                other = others.get(b)
                if other is not None:
                    first, second = (other, one) if swapped else (one, other)
                    yield _join(operator, first, second, target)


def _partners(a: Fraction, target: Fraction) -> Iterator[tuple[Operator, Fraction, bool]]:
    """Yield operator, the value that makes the target with ``a``, and whether it stands first."""
    b = target - a
    yield "+", b, b > a
    yield "-", a - target, False
    yield "-", a + target, True
    if a:
        b = target / a
        yield "*", b, b > a
        yield "/", a * target, True
        if target:
            yield "/", a / target, False


@lru_cache(maxsize=4096)
def reach(given: tuple[int, ...]) -> dict[Fraction, _Way]:
    """Return every value that sorted numbers make, each used once, with its simplest way."""
    if len(given) == 1:
        return {Fraction(given[0]): _leaf(given[0])}
    best: dict[Fraction, _Way] = {}
    for left, right in _splits(given):
        for a, one in reach(left).items():
            for b, other in reach(right).items():
                big, small = (one, other) if a >= b else (other, one)
                high, low = max(a, b), min(a, b)
                for operator in _SIGNS:
                    _keep(best, operator, high, low, big, small)
                _keep(best, "-", low, high, small, big)
                _keep(best, "/", low, high, small, big)
    return best


def _keep(
    best: dict[Fraction, _Way], operator: Operator, a: Fraction, b: Fraction, one: _Way, other: _Way
) -> None:
    value = apply(operator, a, b)
    if value is None:
        return
    way = _join(operator, one, other, value)
    known = best.get(value)
    if known is None or way[:3] < known[:3]:
        best[value] = way


def _join(operator: Operator, one: _Way, other: _Way, value: Fraction) -> _Way:
    return _Way(
        one.fractional or other.fractional or value.denominator != 1,
        one.products + other.products + (operator in "*/"),
        one.steps + other.steps + 1,
        Operation(operator, one.tree, other.tree),
    )


def _leaf(number: int) -> _Way:
    return _Way(False, 0, 0, Number(number))


@cache
def _halves(size: int) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """Return the ways to part places 0..size-1 in two, the smaller part first."""
    places = range(size)
    lefts = [left for take in range(1, size // 2 + 1) for left in combinations(places, take)]
    return tuple((left, tuple(p for p in places if p not in left)) for left in lefts)


def _splits(given: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    parts = (
        (tuple(given[i] for i in left), tuple(given[i] for i in right))
        for left, right in _halves(len(given))
    )
    return list(dict.fromkeys(parts))


def _parts(given: tuple[int, ...]) -> list[tuple[int, ...]]:
    sizes = range(1, len(given) + 1)
    return list(dict.fromkeys(part for size in sizes for part in combinations(given, size)))
