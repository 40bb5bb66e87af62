from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.worlds.arithmetic.expression import (
    MAX_RESULT,
    Expression,
    Negation,
    Number,
    Operation,
    calculate,
    evaluate,
    parse_expression,
    render,
)
from ratchet.worlds.arithmetic.reasons import Reason

quick = settings(derandomize=True, deadline=None, max_examples=150)


def oracle(text: str) -> int:
    """Compute an expression through Python's own parser, without running anything."""

    def value(node: ast.expr) -> int:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        assert isinstance(node, ast.BinOp), ast.dump(node)
        left, right = value(node.left), value(node.right)
        if isinstance(node.op, ast.Mult):
            return left * right
        return left + right if isinstance(node.op, ast.Add) else left - right

    return value(ast.parse(text, mode="eval").body)


def expressions(leaves: int = 6) -> st.SearchStrategy[Expression]:
    def extend(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        return st.builds(Operation, st.sampled_from(("+", "-", "*")), inner, inner) | st.builds(
            Negation, inner
        )

    return st.recursive(st.builds(Number, st.integers(0, 99)), extend, max_leaves=leaves)


@quick
@given(expressions())
def test_value_agrees_with_python(expression: Expression) -> None:
    assert evaluate(expression) == oracle(render(expression))


@quick
@given(expressions())
def test_reading_what_was_written_gives_the_same_tree(expression: Expression) -> None:
    read = parse_expression(render(expression))
    assert read == expression or read in (Reason.TOO_DEEP, Reason.RESULT_TOO_BIG)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("((1)+(2))*(3)", "(1 + 2) * 3"),
        ("(1+2)+3", "1 + 2 + 3"),
        ("1+(2+3)", "1 + (2 + 3)"),
        ("1+(2*3)", "1 + 2 * 3"),
        ("1*(2*3)", "1 * (2 * 3)"),
        ("-(1+2)", "-(1 + 2)"),
        ("5--3", "5 - -3"),
    ],
)
def test_only_needed_parentheses_are_written(text: str, rendered: str) -> None:
    read = parse_expression(text)
    assert not isinstance(read, Reason)
    assert render(read) == rendered


@quick
@given(st.text(max_size=250) | st.text("0123456789+-*()x× .", max_size=60))
def test_any_text_gives_an_expression_or_a_reason(text: str) -> None:
    read = parse_expression(text)
    if isinstance(read, Reason):
        assert calculate(text) == f"error: {read.value}"
    else:
        assert abs(int(calculate(text))) <= MAX_RESULT


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12 + 30 * 2", "72"),
        ("(12 + 30) * 2", "84"),
        ("3 × 4", "12"),
        ("3 x 4", "12"),
        ("3X4", "12"),
        ("(1 + 2) x (3)", "9"),
        ("5 x -2", "-10"),
        ("9 − 4 – 2", "3"),
        (" 1\t+\n1 ", "2"),
        ("-7", "-7"),
        ("--7", "7"),
        ("10 - 3 - 2", "5"),
        ("007 + 1", "8"),
        ("999999 * 999999", "999998000001"),
        ("(" * 8 + "1" + ")" * 8, "1"),
        (" + ".join(["1"] * 12), "12"),
    ],
)
def test_accepted(text: str, value: str) -> None:
    assert calculate(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("1 +" + " " * 198, "too_long"),
        ("seven", "no_expression"),
        ("1 +", "no_expression"),
        ("1 2", "no_expression"),
        ("2 ** 3", "no_expression"),
        ("* 3", "no_expression"),
        ("()3", "no_expression"),
        ("12 ÷ 3", "unknown_symbol"),
        ("12 / 3", "unknown_symbol"),
        ("x + 1", "unknown_symbol"),
        ("2x", "unknown_symbol"),
        ("1,000 + 1", "unknown_symbol"),
        ("1.5 + 1", "unknown_symbol"),
        ("1 + ²", "unknown_symbol"),
        ("1 + ٣", "unknown_symbol"),
        ("(1 + 2", "unbalanced"),
        ("1 + 2)", "unbalanced"),
        (")1 + 2(", "unbalanced"),
        ("(" * 9 + "1" + ")" * 9, "too_deep"),
        ("-" * 9 + "1", "too_deep"),
        ("-" * 190 + "1", "too_deep"),
        (" + ".join(["1"] * 13), "too_many_operands"),
        ("1000000 + 1", "number_too_big"),
        ("0000001 + 1", "number_too_big"),
        ("999999 * 999999 * 2", "result_too_big"),
        ("0 - 999999 * 999999 * 2", "result_too_big"),
    ],
)
def test_refused_with_a_reason(text: str, reason: str) -> None:
    assert calculate(text) == f"error: {reason}"
