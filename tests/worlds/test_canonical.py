from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.worlds.arithmetic.canonical import canonical, normalise
from ratchet.worlds.arithmetic.expression import (
    Expression,
    Negation,
    Number,
    Operation,
    evaluate,
    parse_expression,
)
from ratchet.worlds.arithmetic.reasons import Reason

quick = settings(derandomize=True, deadline=None, max_examples=200)
OPERATORS = st.sampled_from(("+", "-", "*"))


def expressions() -> st.SearchStrategy[Expression]:
    def extend(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        return st.builds(Operation, OPERATORS, inner, inner) | st.builds(Negation, inner)

    return st.recursive(st.builds(Number, st.integers(0, 30)), extend, max_leaves=6)


def form(text: str) -> str:
    read = parse_expression(text)
    assert not isinstance(read, Reason), (text, read)
    return canonical(read)


def vary(expression: Expression, random: Random) -> Expression:
    """Commute and associate at random, and write differences as sums."""
    if isinstance(expression, Number):
        return expression
    if isinstance(expression, Negation):
        return Negation(vary(expression.operand, random))
    operator, left, right = expression.operator, expression.left, expression.right
    left, right = vary(left, random), vary(right, random)
    if operator == "-" and random.random() < 0.5:
        operator, right = "+", Negation(right)
    if operator == "-":
        return Operation("-", left, right)
    if random.random() < 0.5:
        left, right = right, left
    if isinstance(left, Operation) and left.operator == operator and random.random() < 0.5:
        return Operation(operator, left.left, Operation(operator, left.right, right))
    return Operation(operator, left, right)


@quick
@given(expressions(), st.integers(0, 2**32))
def test_variants_share_their_form(expression: Expression, seed: int) -> None:
    assert canonical(vary(expression, Random(seed))) == canonical(expression)


@quick
@given(expressions())
def test_the_form_has_the_same_value(expression: Expression) -> None:
    assert evaluate(normalise(expression)) == evaluate(expression)


@quick
@given(expressions())
def test_the_form_is_its_own_form(expression: Expression) -> None:
    text = canonical(expression)
    read = parse_expression(text)
    if isinstance(read, Reason):
        assert read in (Reason.TOO_DEEP, Reason.RESULT_TOO_BIG)
    else:
        assert canonical(read) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 + 2", "2 + 3"),
        ("12 + 3", "3 + 12"),
        ("3 - 12", "3 - 12"),
        ("-12 + 3", "3 - 12"),
        ("4 * (2 + 1)", "4 * (1 + 2)"),
        ("(2 + 1) * 4", "4 * (1 + 2)"),
        ("5 - (1 - 3)", "5 - (1 - 3)"),
        ("-3 * 4", "-3 * 4"),
        ("3 * -4", "-3 * 4"),
        ("-4 * -3", "3 * 4"),
        ("1 + 2 * -3", "1 - 2 * 3"),
        ("1 - -(2 + 3)", "1 + 2 + 3"),
        ("-2 - 1", "-1 - 2"),
        ("2 * (3 * 4)", "2 * 3 * 4"),
    ],
)
def test_forms(text: str, expected: str) -> None:
    assert form(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [("3 - 2", "2 - 3"), ("9 - (2 + 3)", "9 - 2 - 3"), ("2 * (3 + 4)", "2 * 3 + 2 * 4")],
)
def test_different_problems_keep_different_forms(one: str, other: str) -> None:
    assert form(one) != form(other)
