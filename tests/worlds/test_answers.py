from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.worlds.arithmetic.answers import read_integer


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("The answer is 7.", 7),
        ("12 + 30 = 42", 42),
        ("= 42\n", 42),
        ("1,234", 1234),
        ("12,345,678", 12345678),
        ("12,34", 34),
        ("1,2345", 2345),
        ("-5", -5),
        ("−5", -5),
        ("12 - 17 = -5", -5),
        ("it is -5.", -5),
        ("12 - 7", 7),
        ("12-7", 7),
        ("12 -7", 7),
        ("(3)-7", 7),
        ("step-7", 7),
        ("$8", 8),
        ("-$8", -8),
        ("$-8", -8),
        ("7.0", 7),
        ("7.00 dollars", 7),
        ("first 3, then 9", 9),
        ("**15**", 15),
        ("007", 7),
        ("-0", 0),
        ("9" * 5000, 10**30),
        ("-" + "9" * 5000, -(10**30)),
        ("0" * 5000 + "7", 7),
        ("5" * 20_000 + " so 3", 3),
    ],
)
def test_the_last_whole_number_is_read(text: str, value: int) -> None:
    assert read_integer(text) == value


@pytest.mark.parametrize("text", ["", "none", "seven", "7.5", "1,234.25", "²", "٣", "-", "$"])
def test_no_whole_number(text: str) -> None:
    assert read_integer(text) is None


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text() | st.text("0123456789,.-$ )a", max_size=40))
def test_any_text_is_read(text: str) -> None:
    value = read_integer(text)
    assert value is None or abs(value) <= 10**30


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.integers(-(10**12), 10**12))
def test_every_way_of_writing_a_number(value: int) -> None:
    for text in (f"{value}", f"so {value}.", f"= {value:,}", f"{value}.0", f"is ${value}"):
        assert read_integer(text) == value
