from __future__ import annotations

import pytest

from ratchet.worlds.arithmetic.expression import parse_expression
from ratchet.worlds.arithmetic.levels import carries, family_of, has_operator, level_of
from ratchet.worlds.arithmetic.reasons import Reason


@pytest.mark.parametrize(
    ("text", "family", "level"),
    [
        ("3 + 4", "one_digit", 1),
        ("8 + 7", "one_digit", 1),
        ("9 * 9", "one_digit", 1),
        ("3 - 9", "one_digit", 1),
        ("34 + 5", "two_digit", 1),
        ("34 + 52", "two_digit", 1),
        ("37 + 5", "carry", 2),
        ("37 + 45", "carry", 2),
        ("67 + 45", "carry", 3),
        ("52 - 38", "carry", 2),
        ("123 + 456", "carry", 2),
        ("3 * 12", "product", 2),
        ("12 * 34", "product", 3),
        ("123 * 456", "product", 5),
        ("1 + 2 * 3", "precedence", 2),
        ("57 + 6 * 8", "precedence", 4),
        ("(1 + 2) * 3", "parentheses", 2),
        ("9 - (2 + 3)", "parentheses", 1),
        ("1 + (2 + 3)", "multi_step", 1),
        ("2 * 3 * 4", "multi_step", 2),
        ("(1 + 2) * (3 + 4)", "multi_step", 2),
        ("38 + 47 - 19 * 6", "multi_step", 5),
    ],
)
def test_family_and_level(text: str, family: str, level: int) -> None:
    expression = parse_expression(text)
    assert not isinstance(expression, Reason)
    assert (family_of(expression), level_of(expression)) == (family, level)


def test_variants_have_one_family_and_level() -> None:
    for one, other in (("12 + 5 + 5", "5 + 5 + 12"), ("(2 + 19) * 3", "3 * (19 + 2)")):
        first, second = parse_expression(one), parse_expression(other)
        assert not isinstance(first, Reason) and not isinstance(second, Reason)
        assert (family_of(first), level_of(first)) == (family_of(second), level_of(second))


def test_carries_agree_with_digit_sums() -> None:
    def digit_sum(value: int) -> int:
        return sum(map(int, str(value)))

    # Every carry trades ten ones for one ten, so it lowers the digit sum by nine.
    for a in range(0, 1000, 7):
        for b in range(0, 1000, 11):
            lost = digit_sum(a) + digit_sum(b) - digit_sum(a + b)
            assert carries(a, b) == carries(-a, -b) == lost // 9
            big, small = max(a, b), min(a, b)
            gained = digit_sum(big - small) - digit_sum(big) + digit_sum(small)
            assert carries(big, -small) == carries(-small, big) == gained // 9


def test_a_lone_number_has_no_operator() -> None:
    for text, expected in (("-7", False), ("(7)", False), ("7 - 0", True)):
        expression = parse_expression(text)
        assert not isinstance(expression, Reason)
        assert has_operator(expression) is expected
