"""Programs and inputs drawn at random, and the problems of one mode from one side, on demand.

A program grows operation by operation from ``x``, so that most of what is drawn hangs on its input;
what is trivial or fails all the same is dropped by `Problem.flaw`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.programs.language import (
    Call,
    Choice,
    Expression,
    Input,
    Loop,
    Number,
    Operation,
)
from ratchet.worlds.programs.problem import FAMILIES, LEVELS, WORLD, Problem, is_open
from ratchet.worlds.programs.running import Value
from ratchet.worlds.programs.statements import SHOWN
from ratchet.worlds.protocol import Stream
from ratchet.worlds.supply import Supply

LEVELS_OF = dict.fromkeys(FAMILIES, LEVELS)
"""Every mode has every level; lists begin at level 3."""

_MISSES = 4_000
"""A mode counts as exhausted after so many draws in a row without a new problem."""
_TRIES = 12
"""Draws of inputs for one program of an induction, whose pairs must be on the same side."""
_OPERATORS = ("+",) * 4 + ("-",) * 3 + ("*",) * 3 + ("%", "//")
_ORDERINGS = ("sort", "reverse", "rest")
_SUMMARIES = ("sum", "len", "min", "max", "first", "last")
_LIST_SHARE = 0.35


def open_supply(
    family: str, stream: Stream | None, random: Random, levels: Sequence[int] = LEVELS
) -> Supply[Problem]:
    """Return the problems of one mode, open (stream None) or reserved for one stream."""
    return Supply((p for p in _drawn(family, stream, random) if p.level in levels), _MISSES)


def draw_program(random: Random, operations: int, on_lists: bool) -> Expression:
    """Draw a program of about so many operations for numbers or for lists."""
    program: Expression = Input()
    is_list = on_lists
    while operations > 0:
        chance = random.random()
        if operations >= 2 and not is_list and chance < 0.12:
            other = _operate(Input(), random)
            program = Choice(random.choice("<>"), Input(), _digit(random), program, other)
            operations -= 3
        elif operations >= 2 and not is_list and chance < 0.2:
            return Loop(random.randint(2, 4), draw_program(random, operations - 1, False))
        elif is_list and chance < 0.65:
            function = random.choice(_SUMMARIES if random.random() < 0.6 else _ORDERINGS)
            program, is_list = Call(function, program), function in _ORDERINGS
            operations -= 1
        elif operations >= 2 and not is_list and chance > 0.95:
            program, is_list = Call("upto", program), True
            operations -= 1
        else:
            program = _operate(program, random)
            operations -= 1
    return program


def draw_input(random: Random, is_list: bool) -> Value:
    """Draw a small number, rarely a negative one, or a short list of digits."""
    if is_list:
        return tuple(random.randint(0, 9) for _ in range(random.randint(2, 4)))
    return random.randint(-9, -1) if random.random() < 0.1 else random.randint(0, 20)


def draw_problem(mode: str, random: Random) -> Problem:
    """Draw a problem of any side; it may be flawed."""
    on_lists = random.random() < _LIST_SHARE
    program = draw_program(random, random.choice((1, 1, 2, 2, 3, 4, 5)), on_lists)
    inputs = _draw_inputs(random, on_lists, SHOWN if mode == "induction" else 1)
    return Problem(mode, program, inputs)


def _draw_inputs(random: Random, on_lists: bool, count: int) -> tuple[Value, ...]:
    inputs: dict[Value, None] = {}
    while len(inputs) < count:
        inputs[draw_input(random, on_lists)] = None
    return tuple(inputs)


def _operate(program: Expression, random: Random) -> Expression:
    operator = random.choice(_OPERATORS)
    chance = random.random()
    if chance < 0.08 and operator in "+*":
        return Operation(operator, program, Input())
    if chance < 0.16 and operator == "-":
        return Operation(operator, _digit(random), program)
    smallest = 1 if operator in "+-" else 2
    return Operation(operator, program, Number(random.randint(smallest, 9)))


def _digit(random: Random) -> Number:
    return Number(random.randint(1, 9))


def _drawn(mode: str, stream: Stream | None, random: Random) -> Iterator[Problem]:
    seen: set[str] = set()
    misses = 0
    while misses < _MISSES:
        problem = draw_problem(mode, random)
        for _ in range(_TRIES if mode == "induction" and _may_fit(problem, stream) else 1):
            if problem.flaw is None and _fits(problem, stream) and problem.id not in seen:
                seen.add(problem.id)
                misses = 0
                yield problem
                break
            inputs = _draw_inputs(random, isinstance(problem.inputs[0], tuple), SHOWN)
            problem = Problem(mode, problem.program, inputs)
        else:
            misses += 1


def _may_fit(problem: Problem, stream: Stream | None) -> bool:
    """Say whether the program is on the side wanted, whatever an induction shows of it."""
    if stream is None:
        return is_open(problem.program)
    return reserved_stream(WORLD, problem.form) == stream


def _fits(problem: Problem, stream: Stream | None) -> bool:
    return problem.is_open if stream is None else problem.stream == stream
