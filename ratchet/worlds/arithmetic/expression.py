"""Expressions of integers with + - * and parentheses: reading, writing, computing.

Reading is total: any text gives an expression or a named reason. What was read has at most 12
numbers, so computing it always ends, and its value is at most 10**12 in size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ratchet.worlds.arithmetic.reasons import Reason

MAX_TEXT = 200
MAX_DIGITS = 6
MAX_OPERANDS = 12
MAX_DEPTH = 8
MAX_RESULT = 10**12

Operator = Literal["+", "-", "*"]


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number, never negative: a sign is a ``Negation``."""

    value: int
    """At least 0."""


@dataclass(frozen=True, slots=True)
class Negation:
    """A minus sign before an operand; it binds tighter than any operator."""

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


def parse_expression(text: str) -> Expression | Reason:
    """Read an expression, or say why not. Total.

    ``×`` and an ``x`` between operands mean ``*``; the Unicode minus and the en dash mean ``-``.
    Depth counts the parentheses and signs that lie inside one another in the text.
    """
    tokens = _split(text)
    if isinstance(tokens, Reason):
        return tokens
    try:
        expression = _Reader(tokens).read()
    except _UnreadableError as error:
        return error.reason
    return Reason.RESULT_TOO_BIG if abs(evaluate(expression)) > MAX_RESULT else expression


def evaluate(expression: Expression) -> int:
    """Return the exact value."""
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Negation):
        return -evaluate(expression.operand)
    return apply(expression.operator, evaluate(expression.left), evaluate(expression.right))


def apply(operator: Operator, left: int, right: int) -> int:
    """Return ``left operator right``."""
    if operator == "*":
        return left * right
    return left + right if operator == "+" else left - right


def render(expression: Expression) -> str:
    """Write an expression with the fewest parentheses that keep its structure when read again."""
    if isinstance(expression, Number):
        return str(expression.value)
    if isinstance(expression, Negation):
        inner = render(expression.operand)
        return f"-({inner})" if isinstance(expression.operand, Operation) else f"-{inner}"
    left, right = render(expression.left), render(expression.right)
    times = expression.operator == "*"
    if times and is_sum(expression.left):
        left = f"({left})"
    if is_sum(expression.right) or (times and isinstance(expression.right, Operation)):
        right = f"({right})"
    return f"{left} {expression.operator} {right}"


def is_sum(expression: Expression) -> bool:
    """Say whether the outermost operation is + or -."""
    return isinstance(expression, Operation) and expression.operator != "*"


def calculate(text: str) -> str:
    """Compute a text as a calculator tool does: the value, or ``error: <reason>``. Total."""
    read = parse_expression(text)
    return f"error: {read.value}" if isinstance(read, Reason) else str(evaluate(read))


class _UnreadableError(Exception):
    """Carries a reason out of the reader; caught in ``parse_expression``."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class _Reader:
    """Recursive descent over the tokens; depth is bounded before each descent."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = [*tokens, ""]
        self.at = 0

    def read(self) -> Expression:
        expression = self.sum(0)
        if self.tokens[self.at]:
            raise _UnreadableError(Reason.NO_EXPRESSION)
        return expression

    def sum(self, depth: int) -> Expression:
        left = self.product(depth)
        while True:
            if self.skip("+"):
                left = Operation("+", left, self.product(depth))
            elif self.skip("-"):
                left = Operation("-", left, self.product(depth))
            else:
                return left

    def product(self, depth: int) -> Expression:
        left = self.operand(depth)
        while self.skip("*"):
            left = Operation("*", left, self.operand(depth))
        return left

    def operand(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise _UnreadableError(Reason.TOO_DEEP)
        if self.skip("-"):
            return Negation(self.operand(depth + 1))
        if self.skip("("):
            inner = self.sum(depth + 1)
            if not self.skip(")"):
                raise _UnreadableError(Reason.NO_EXPRESSION)
            return inner
        token = self.tokens[self.at]
        if not token.isdigit():
            raise _UnreadableError(Reason.NO_EXPRESSION)
        self.at += 1
        return Number(int(token))

    def skip(self, token: str) -> bool:
        found = self.tokens[self.at] == token
        self.at += found
        return found


_DIGITS = frozenset("0123456789")
_SYMBOLS = {"+": "+", "-": "-", "−": "-", "–": "-", "*": "*", "×": "*", "(": "(", ")": ")"}


def _split(text: str) -> list[str] | Reason:
    """Return numbers and symbols, checked for size, number and balance."""
    if len(text) > MAX_TEXT:
        return Reason.TOO_LONG
    if not text.strip():
        return Reason.EMPTY
    if _DIGITS.isdisjoint(text):
        return Reason.NO_EXPRESSION
    tokens = _scan(text)
    if tokens is None:
        return Reason.UNKNOWN_SYMBOL
    numbers = [token for token in tokens if token[0] in _DIGITS]
    if any(len(number) > MAX_DIGITS for number in numbers):
        return Reason.NUMBER_TOO_BIG
    if len(numbers) > MAX_OPERANDS:
        return Reason.TOO_MANY_OPERANDS
    return tokens if _balanced(tokens) else Reason.UNBALANCED


def _scan(text: str) -> list[str] | None:
    tokens: list[str] = []
    glued = False
    for at, char in enumerate(text):
        if char in _DIGITS:
            if glued:
                tokens[-1] += char
            else:
                tokens.append(char)
        elif char in _SYMBOLS:
            tokens.append(_SYMBOLS[char])
        elif char in "xX" and _stands_between(tokens, text[at + 1 :]):
            tokens.append("*")
        elif not char.isspace():
            return None
        glued = char in _DIGITS
    return tokens


def _stands_between(before: list[str], after: str) -> bool:
    """Say whether an operand ends before and another starts after this place."""
    following = after.lstrip()[:1]
    ends = bool(before) and (before[-1] == ")" or before[-1][0] in _DIGITS)
    return ends and (following in _DIGITS or _SYMBOLS.get(following) in ("(", "-"))


def _balanced(tokens: list[str]) -> bool:
    level = 0
    for token in tokens:
        level += (token == "(") - (token == ")")
        if level < 0:
            return False
    return level == 0
