"""What a program does: it ends with a value or a named failure, the same one every time.

Values are whole numbers and flat lists of them. Operators work place by place: on a number and a
list with the number at every place, on two lists as far as the shorter one goes. Functions of lists
and comparisons take a number for the list of it alone; ``sort`` and ``reverse`` leave it as it is.
Lists are compared as Python compares them. ``upto`` counts from 1.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from ratchet.worlds.programs.language import (
    Call,
    Choice,
    Expression,
    Input,
    Loop,
    Negation,
    Number,
    Operation,
)

Value = int | tuple[int, ...]
"""A number or a list."""

MAX_VALUE = 9_999
MAX_LENGTH = 16
BUDGET = 400
"""Most parts of a program that are worked out in one run, those of every round of a loop."""


class Failure(StrEnum):
    """Why a run came to no value."""

    DIVISION_BY_ZERO = "division_by_zero"
    """``//`` or ``%`` by 0."""
    VALUE_TOO_BIG = "value_too_big"
    """A number beyond 9,999 on either side."""
    LIST_TOO_LONG = "list_too_long"
    """A list of more than 16 numbers."""
    EMPTY_LIST = "empty_list"
    """The first, last, smallest or greatest of nothing."""
    OVER_BUDGET = "over_budget"
    """More than 400 steps."""


class _Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        self.failure = failure


class _Meter:
    """Counts the steps of one run."""

    def __init__(self) -> None:
        self.left = BUDGET

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _Failed(Failure.OVER_BUDGET)


def run(program: Expression, given: Value) -> Value | Failure:
    """Return what the program makes of an input. Total and deterministic; no clock is read."""
    try:
        return _work(program, given, _Meter())
    except _Failed as failed:
        return failed.failure


def write_value(value: Value) -> str:
    """Write a value as Python would: ``7``, ``[1, -2]``."""
    return str(value) if isinstance(value, int) else f"[{', '.join(map(str, value))}]"


def _work(program: Expression, x: Value, meter: _Meter) -> Value:
    meter.spend()
    match program:
        case Number(value):
            return value
        case Input():
            return x
        case Negation(operand):
            return _by_place(lambda a, b: a - b, 0, _work(operand, x, meter))
        case Operation(operator, left, right):
            return _by_place(_OPERATIONS[operator], _work(left, x, meter), _work(right, x, meter))
        case Call(function, operand):
            return _bounded(_FUNCTIONS[function](_work(operand, x, meter)))
        case Choice(comparison, left, right, then, other):
            sides = _list(_work(left, x, meter)), _list(_work(right, x, meter))
            return _work(then if _COMPARISONS[comparison](*sides) else other, x, meter)
        case Loop(rounds, body):
            for _ in range(rounds):
                x = _work(body, x, meter)
            return x


def _by_place(operation: Callable[[int, int], int], a: Value, b: Value) -> Value:
    if isinstance(a, int) and isinstance(b, int):
        return _bounded(operation(a, b))
    size = min(len(side) for side in (a, b) if isinstance(side, tuple))
    one, two = ((s,) * size if isinstance(s, int) else s for s in (a, b))
    return _bounded(tuple(operation(left, right) for left, right in zip(one, two, strict=False)))


def _bounded(value: Value) -> Value:
    numbers = _list(value)
    if len(numbers) > MAX_LENGTH:
        raise _Failed(Failure.LIST_TOO_LONG)
    if any(abs(number) > MAX_VALUE for number in numbers):
        raise _Failed(Failure.VALUE_TOO_BIG)
    return value


def _list(value: Value) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else value


def _divide(a: int, b: int) -> int:
    if b == 0:
        raise _Failed(Failure.DIVISION_BY_ZERO)
    return a // b


def _leave(a: int, b: int) -> int:
    if b == 0:
        raise _Failed(Failure.DIVISION_BY_ZERO)
    return a % b


def _one(pick: Callable[[tuple[int, ...]], int]) -> Callable[[Value], Value]:
    def apply(value: Value) -> Value:
        numbers = _list(value)
        if not numbers:
            raise _Failed(Failure.EMPTY_LIST)
        return pick(numbers)

    return apply


def _keep(arrange: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Callable[[Value], Value]:
    """Return a function of lists that leaves a number as it is."""
    return lambda value: value if isinstance(value, int) else arrange(value)


def _count_up(value: Value) -> Value:
    """Return 1 to n for a number n, and that for every number of a list, one after another."""
    counts: list[int] = []
    for number in _list(value):
        if len(counts) + number > MAX_LENGTH:
            raise _Failed(Failure.LIST_TOO_LONG)
        counts.extend(range(1, number + 1))
    return tuple(counts)


_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": _divide,
    "%": _leave,
}
_COMPARISONS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "==": lambda a, b: a == b,
}
_FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "sort": _keep(lambda numbers: tuple(sorted(numbers))),
    "reverse": _keep(lambda numbers: numbers[::-1]),
    "rest": lambda value: _list(value)[1:],
    "sum": lambda value: sum(_list(value)),
    "len": lambda value: len(_list(value)),
    "min": _one(min),
    "max": _one(max),
    "first": _one(lambda numbers: numbers[0]),
    "last": _one(lambda numbers: numbers[-1]),
    "upto": _count_up,
}
