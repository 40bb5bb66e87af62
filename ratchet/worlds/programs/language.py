"""The language of the world of programs: one expression in ``x``, over whole numbers and lists.

    x * 2 + 3        (x - 4) * x        sort(x + 1)        loop(3, x * 2)
    x % 3 if x > 5 else x - 1           sum(upto(x))       -first(reverse(x))

It is a small part of Python's grammar, which gives the tree; nothing is executed while reading.
What an expression means is the business of `running`: it always ends, with a value or with a named
failure, and the same one every time.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ratchet.core.syntax import parse
from ratchet.worlds.programs.reasons import Reason

MAX_TEXT = 80
MAX_NUMBER = 99
MAX_NODES = 24
MAX_DEPTH = 8
MAX_ROUNDS = 9

FUNCTIONS = ("sort", "reverse", "sum", "len", "min", "max", "first", "last", "rest", "upto")
"""Of one operand each; what they do is said in `running`."""
OPERATORS = ("+", "-", "*", "//", "%")
COMPARISONS = ("<", ">", "==")


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number, never negative: a sign is a ``Negation``."""

    value: int
    """0 to 99."""


@dataclass(frozen=True, slots=True)
class Input:
    """``x``: the input, or in a loop what the round before gave."""


@dataclass(frozen=True, slots=True)
class Negation:
    """A minus sign before an operand."""

    operand: Expression
    """What is negated."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Two operands and the operator between them."""

    operator: str
    """One of ``OPERATORS``."""
    left: Expression
    """First operand."""
    right: Expression
    """Second operand."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function of one operand."""

    function: str
    """One of ``FUNCTIONS``."""
    operand: Expression
    """What it is applied to."""


@dataclass(frozen=True, slots=True)
class Choice:
    """``then if left > right else other``."""

    comparison: str
    """One of ``COMPARISONS``."""
    left: Expression
    """What is compared."""
    right: Expression
    """With what."""
    then: Expression
    """The value if it holds."""
    other: Expression
    """The value if not."""


@dataclass(frozen=True, slots=True)
class Loop:
    """``loop(3, body)``: the body is applied to ``x``, to what it gave, and so on."""

    rounds: int
    """1 to 9."""
    body: Expression
    """One round."""


Expression = Number | Input | Negation | Operation | Call | Choice | Loop

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.Gt: ">", ast.Eq: "=="}


class _Refused(Exception):
    """Why a tree is no program."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason


def parse_program(text: str) -> Expression | Reason:
    """Read a text that is one program, or say why it is none. Total."""
    text = text.strip()
    if not text:
        return Reason.EMPTY
    if len(text) > MAX_TEXT:
        return Reason.TOO_LONG
    try:
        program = _convert(parse(text, "eval").body, 0)
    except _Refused as refused:
        return refused.reason
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Reason.NO_PROGRAM
    return program if count_nodes(program) <= MAX_NODES else Reason.TOO_BIG


def parts_of(program: Expression) -> tuple[Expression, ...]:
    """Return the expressions that an expression is made of, in the order they are written."""
    match program:
        case Number() | Input():
            return ()
        case Negation(operand) | Call(_, operand) | Loop(_, operand):
            return (operand,)
        case Operation(_, left, right):
            return (left, right)
        case Choice(_, left, right, then, other):
            return (then, left, right, other)


def count_nodes(program: Expression) -> int:
    """Return the size of the tree."""
    return 1 + sum(map(count_nodes, parts_of(program)))


def count_operations(program: Expression) -> int:
    """Return how many operators, functions and loops there are; divisions and choices count 2."""
    return _weight(program) + sum(map(count_operations, parts_of(program)))


def render(program: Expression) -> str:
    """Write a program with the fewest parentheses that keep its structure when read again."""
    return _write(program, 0)


def _weight(program: Expression) -> int:
    match program:
        case Number() | Input():
            return 0
        case Choice() | Operation("//" | "%"):
            return 2
    return 1


def _convert(node: ast.expr, depth: int) -> Expression:
    if depth > MAX_DEPTH:
        raise _Refused(Reason.TOO_DEEP)
    match node:
        case ast.Constant(int() as value) if type(value) is int:
            if value > MAX_NUMBER:
                raise _Refused(Reason.NUMBER_TOO_BIG)
            return Number(value)
        case ast.Name("x"):
            return Input()
        case ast.UnaryOp(ast.USub(), operand):
            return Negation(_convert(operand, depth + 1))
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            sides = (_convert(left, depth + 1), _convert(right, depth + 1))
            return Operation(_OPERATORS[type(operator)], *sides)
        case ast.IfExp(ast.Compare(left, [comparison], [right]), then, other):
            if type(comparison) in _COMPARISONS:
                four = [_convert(part, depth + 1) for part in (left, right, then, other)]
                return Choice(_COMPARISONS[type(comparison)], *four)
        case ast.Call(ast.Name("loop"), [count, body], []):
            rounds = count.value if isinstance(count, ast.Constant) else None
            if type(rounds) is not int or not 1 <= rounds <= MAX_ROUNDS:
                raise _Refused(Reason.BAD_LOOP)
            return Loop(rounds, _convert(body, depth + 1))
        case ast.Call(ast.Name(name), [operand], []) if name in FUNCTIONS:
            return Call(name, _convert(operand, depth + 1))
    raise _Refused(Reason.NO_PROGRAM)


_BINDING = {"+": 1, "-": 1, "*": 2, "//": 2, "%": 2}
_TIGHT = 3


def _write(program: Expression, outside: int) -> str:
    match program:
        case Number(value):
            return str(value)
        case Input():
            return "x"
        case Negation(operand):
            return _enclose(f"-{_write(operand, _TIGHT)}", _TIGHT, outside)
        case Operation(operator, left, right):
            binding = _BINDING[operator]
            text = f"{_write(left, binding)} {operator} {_write(right, binding + 1)}"
            return _enclose(text, binding, outside)
        case Call(function, operand):
            return f"{function}({_write(operand, 0)})"
        case Choice(comparison, left, right, then, other):
            condition = f"{_write(left, 1)} {comparison} {_write(right, 1)}"
            return _enclose(f"{_write(then, 1)} if {condition} else {_write(other, 0)}", 0, outside)
        case Loop(rounds, body):
            return f"loop({rounds}, {_write(body, 0)})"


def _enclose(text: str, binding: int, outside: int) -> str:
    return f"({text})" if binding < outside else text
