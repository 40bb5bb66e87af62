"""Family and level of any expression, from its shape; both are functions of the canonical form.

The level counts the work by hand. A sum or difference costs 1 on single digits, else the digits of
its longer side and 2 for every carry or borrow; a product costs 1 plus the product of its sides'
numbers of digits. The costs of all steps add up; the level is half of it, rounded up, at most 5.
"""

from __future__ import annotations

from ratchet.worlds.arithmetic.canonical import normalise
from ratchet.worlds.arithmetic.expression import (
    Expression,
    Negation,
    Number,
    Operation,
    apply,
    is_sum,
)

FAMILIES = (
    "one_digit",
    "two_digit",
    "carry",
    "product",
    "precedence",
    "parentheses",
    "multi_step",
    "words",
)
LEVELS = (1, 2, 3, 4, 5)


def level_of(expression: Expression) -> int:
    """Return the level, 1 to 5; 0 if there is nothing to compute."""
    _, cost = _work(normalise(expression))
    return min((cost + 1) // 2, LEVELS[-1])


def family_of(expression: Expression) -> str:
    """Return the family of an expression that has an operator (never ``words``).

    One operation: ``one_digit`` on digits, ``product``, ``two_digit`` if no number is longer and
    nothing is carried or borrowed, else ``carry``. Two: ``parentheses`` if they are needed,
    ``precedence`` if a product stands in a sum, else ``multi_step``, as are three and more.
    """
    shape = normalise(expression)
    operators = _operators(shape)
    if len(operators) > 2:
        return "multi_step"
    if len(operators) == 2:
        if _needs_parentheses(shape):
            return "parentheses"
        return "precedence" if "*" in operators and set(operators) != {"*"} else "multi_step"
    size = max(_numbers(shape))
    if size < 10:
        return "one_digit"
    if operators == ["*"]:
        return "product"
    _, cost = _work(shape)
    return "two_digit" if size < 100 and cost == len(str(size)) else "carry"


def has_operator(expression: Expression) -> bool:
    """Say whether there is anything to compute."""
    return bool(_operators(expression))


def carries(left: int, right: int) -> int:
    """Return how often adding two signed numbers by hand carries, or borrows if signs differ."""
    big, small = sorted((abs(left), abs(right)), reverse=True)
    adding = (left < 0) == (right < 0) or 0 in (left, right)
    count = carried = 0
    while big:
        if adding:
            carried = int(big % 10 + small % 10 + carried > 9)
        else:
            carried = int(big % 10 - small % 10 - carried < 0)
        count += carried
        big, small = big // 10, small // 10
    return count


def _work(expression: Expression) -> tuple[int, int]:
    """Return value and cost."""
    if isinstance(expression, Number):
        return expression.value, 0
    if isinstance(expression, Negation):
        value, cost = _work(expression.operand)
        return -value, cost
    left, left_cost = _work(expression.left)
    right, right_cost = _work(expression.right)
    if expression.operator == "*":
        step = 1 + _digits(left) * _digits(right)
    else:
        signed = right if expression.operator == "+" else -right
        digits = max(_digits(left), _digits(right))
        step = digits + 2 * carries(left, signed) if digits > 1 else 1
    return apply(expression.operator, left, right), left_cost + right_cost + step


def _digits(value: int) -> int:
    return len(str(abs(value)))


def _operators(expression: Expression) -> list[str]:
    match expression:
        case Number():
            return []
        case Negation(operand):
            return _operators(operand)
        case Operation(operator, left, right):
            return [operator, *_operators(left), *_operators(right)]


def _numbers(expression: Expression) -> list[int]:
    match expression:
        case Number(value):
            return [value]
        case Negation(operand):
            return _numbers(operand)
        case Operation(_, left, right):
            return _numbers(left) + _numbers(right)


def _needs_parentheses(expression: Expression) -> bool:
    match expression:
        case Number():
            return False
        case Negation(operand):
            return is_sum(operand) or _needs_parentheses(operand)
        case Operation(operator, left, right):
            inside = is_sum(right) or (operator == "*" and is_sum(left))
            return inside or _needs_parentheses(left) or _needs_parentheses(right)
