"""Expressions of whole numbers with + - * / and parentheses: reading, writing, exact value.

Nothing is computed while reading: Python's own grammar gives a tree, of which only numbers, signs
and the four operators are taken. Values are fractions, so division is exact.
"""

from __future__ import annotations

import ast
import re
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ratchet.core.syntax import parse

MAX_TEXT = 200
MAX_DIGITS = 6
MAX_NUMBERS = 12
MAX_DEPTH = 24

Operator = Literal["+", "-", "*", "/"]


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number, never negative: a sign is a ``Negation``."""

    value: int
    """At least 0."""


@dataclass(frozen=True, slots=True)
class Negation:
    """A minus sign before an operand."""

    operand: Expression
    """What is negated."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Two operands and the operator between them."""

    operator: Operator
    """What is done."""
    left: Expression
    """First operand."""
    right: Expression
    """Second operand."""


Expression = Number | Negation | Operation

_OPERATORS: dict[type[ast.operator], Operator] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
_PLAIN = str.maketrans({"×": "*", "÷": "/", "−": "-", "–": "-", "x": "*", "X": "*", "·": "*"})
_ALLOWED = re.compile(r"[0-9+\-*/() \t]+")
_STRETCH = re.compile(r"[0-9(+\-−–][0-9+\-*/()×÷−–·xX \t]*")
_OPERATED = re.compile(r"[0-9)]\s*[+\-*/×÷−–·xX]\s*[-(0-9−–]")
_EDGES = re.compile(r"^[\s+*/]+|[\s+\-*/]+$")
_LONG = re.compile(rf"[0-9]{{{MAX_DIGITS + 1}}}")
_TAIL = 2_000


def parse_expression(text: str) -> Expression | None:
    """Read a text that is one expression, or return None. Total.

    ``×``, ``÷``, ``x`` between numbers and other dashes are read as the operators they mean. At
    most 200 characters, 12 numbers of 6 digits and 24 levels.
    """
    plain = text.strip().translate(_PLAIN)
    if len(plain) > MAX_TEXT or not _ALLOWED.fullmatch(plain) or _LONG.search(plain):
        return None
    try:
        tree = parse(plain, "eval")
        expression = _convert(tree.body, 0)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return expression if len(numbers_of(expression)) <= MAX_NUMBERS else None


def read_answer(text: str) -> Expression | None:
    """Return the last expression with an operator in an answer, or None. Total.

    What follows ``=`` is another stretch, so ``(8 - 3) * 3 = 15`` reads as its left side. Of an
    answer in steps only the last step is read, and a step is no answer to the whole.
    """
    stretches = _STRETCH.finditer(text[-_TAIL:])
    found = deque((s[0] for s in stretches if _OPERATED.search(s[0])), maxlen=1)
    return parse_expression(_EDGES.sub("", found.pop())) if found else None


def evaluate(expression: Expression) -> Fraction | None:
    """Return the exact value, or None where it divides by zero."""
    if isinstance(expression, Number):
        return Fraction(expression.value)
    if isinstance(expression, Negation):
        value = evaluate(expression.operand)
        return None if value is None else -value
    left, right = evaluate(expression.left), evaluate(expression.right)
    return None if left is None or right is None else apply(expression.operator, left, right)


def apply(operator: Operator, left: Fraction, right: Fraction) -> Fraction | None:
    """Return ``left operator right``, or None for a division by zero."""
    if operator == "/":
        return left / right if right else None
    if operator == "*":
        return left * right
    return left + right if operator == "+" else left - right


def numbers_of(expression: Expression) -> tuple[int, ...]:
    """Return the numbers in the order they are written."""
    if isinstance(expression, Number):
        return (expression.value,)
    if isinstance(expression, Negation):
        return numbers_of(expression.operand)
    return numbers_of(expression.left) + numbers_of(expression.right)


def render(expression: Expression) -> str:
    """Write an expression with the fewest parentheses that keep its structure when read again."""
    return _write(expression, 0)


_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2}


def _write(expression: Expression, outside: int) -> str:
    if isinstance(expression, Number):
        return str(expression.value)
    if isinstance(expression, Negation):
        return f"-{_write(expression.operand, 3)}"
    binding = _BINDING[expression.operator]
    left = _write(expression.left, binding)
    right = _write(expression.right, binding + 1)
    text = f"{left} {expression.operator} {right}"
    return f"({text})" if binding < outside else text


def _convert(node: ast.expr, depth: int) -> Expression:
    if depth > MAX_DEPTH:
        raise ValueError("too deep")
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return Number(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return Negation(_convert(node.operand, depth + 1))
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _convert(node.left, depth + 1), _convert(node.right, depth + 1)
        return Operation(_OPERATORS[type(node.op)], left, right)
    raise ValueError("no expression of whole numbers")
