from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.sandbox.compare import Tolerance, equal
from ratchet.sandbox.feedback import cut, show
from ratchet.sandbox.protocol import Value

NEAR = Tolerance(1e-6, 1e-9)
ATOMS: tuple[Value, ...] = (
    None,
    True,
    False,
    0,
    1,
    0.0,
    1.0,
    "",
    "1",
    "True",
    [],
    {},
    [0],
    {"a": 0},
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_no_two_different_atoms_are_equal() -> None:
    for i, a in enumerate(ATOMS):
        for j, b in enumerate(ATOMS):
            assert equal(a, b) is (i == j)
            assert equal([a], [b]) is equal({"k": a}, {"k": b}) is (i == j)


@settings(derandomize=True)
@given(VALUES)
def test_a_value_is_itself(value: Value) -> None:
    assert equal(value, value) and equal(value, value, NEAR)
    assert not equal(value, [value])


def test_nan_equals_nothing_unless_asked() -> None:
    nan = math.nan
    assert not equal(nan, nan) and not equal([nan], [nan]) and not equal(nan, nan, NEAR)
    assert equal(nan, nan, nan=True) and not equal(nan, 0.0, nan=True)


def test_a_tolerance_is_for_numbers_only() -> None:
    assert equal(1.0, 1.0 + 1e-7, NEAR) and not equal(1.0, 1.0 + 1e-7)
    assert equal(1, 1.0, NEAR) and equal([1], [1.0], NEAR) and not equal(1, 1.0)
    assert not equal(1, 2, NEAR) and not equal(True, 1.0, NEAR) and not equal("1", 1.0, NEAR)
    assert equal(math.inf, math.inf, NEAR) and not equal(math.inf, 1e308, NEAR)
    assert not equal(10**400, 1.0, NEAR) and not equal(1.0, 10**400, NEAR)


def test_what_is_not_plain_equals_nothing() -> None:
    class Any(str):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = str.__hash__

    for odd in (Any("a"), (1,), {1}, b"a", object(), {1: 2}):
        assert not equal(odd, odd)  # type: ignore[arg-type]
        assert not equal("a", odd) and not equal(odd, "a")  # type: ignore[arg-type]


def nest(depth: int) -> Value:
    value: Value = []
    for _ in range(depth):
        value = [value]
    return value


def test_depth_and_size_are_no_limit() -> None:
    deep = nest(100_000)
    assert equal(deep, deep) and not equal(deep, [])
    assert len(show(deep)) == 200 and len(show([[0] * 10**6] * 10)) == 200
    assert show(10**5000) == "<an integer of 16610 bits>"


@settings(derandomize=True)
@given(VALUES, st.integers(0, 80))
def test_what_is_shown_is_python_cut_to_length(value: Value, limit: int) -> None:
    shown = show(value, limit)
    assert len(shown) <= limit
    if len(repr(value)) <= limit and repr(value).isprintable():
        assert shown == repr(value)


@pytest.mark.parametrize(("text", "limit", "cut_text"), [
    ("abcdef", 6, "abcdef"), ("abcdefg", 6, "abc..."), ("abc", 2, ".."), ("abc", 0, ""),
    ("a\x1b\x00b\nc", 9, "a\ufffd\ufffdb\nc"),
])  # fmt: skip
def test_texts_are_cut_and_printable(text: str, limit: int, cut_text: str) -> None:
    assert cut(text, limit) == cut_text
