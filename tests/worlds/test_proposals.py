from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.core.task import Rejection, Task
from ratchet.worlds.arithmetic import FAMILIES, LEVELS, REASONS, Arithmetic
from ratchet.worlds.arithmetic.families import list_problems

WORLD = Arithmetic()
OPEN = "7 - 3"
RESERVED = next(p.prompt for p in list_problems("two_digit") if p.stream is not None)
WORDS = "Ann has {} apples and gets {} more. How many apples does Ann have now?"


@pytest.mark.parametrize(
    "text",
    [
        OPEN,
        f"\n\n  {OPEN}\nand more",
        f"Q: {OPEN}",
        f"q3. {OPEN} = ?",
        f"Question: What is {OPEN}?",
        f"Question 12: {OPEN}",
        f"Compute {OPEN}.",
        f"Calculate: {OPEN} =",
        f"1. {OPEN}",
        f"12) Evaluate {OPEN} = ?",
        f"- {OPEN}",
        f"* Task: {OPEN}",
        f"`{OPEN}`",
        f"'{OPEN}=?'",
        f"what's {OPEN} ?",
        "7−3",
        "(7) - (3)",
    ],
)
def test_what_stands_around_a_task_is_stripped(text: str) -> None:
    task = WORLD.parse(text)
    assert isinstance(task, Task)
    assert task.id == _parsed(OPEN).id
    assert (task.prompt, task.family, task.level) == (OPEN, "one_digit", 1)
    assert task.lineage == ("model",)


def test_a_sign_is_not_a_bullet() -> None:
    assert _parsed("-3 + 4 * 12").prompt == "-3 + 4 * 12"


REASON_CASES = {
    "empty": " \n \t",
    "too_long": "1 + " * 60 + "1",
    "no_expression": "Tom has three apples and eats 2 of them.",
    "unknown_symbol": "12 / 3",
    "unbalanced": "(12 + 3",
    "too_deep": "-" * 9 + "1 + 2",
    "too_many_operands": "1+" * 12 + "1",
    "number_too_big": "1234567 + 1",
    "result_too_big": "999999 * 999999 * 999999",
    "trivial": "What is 7?",
    "reserved": RESERVED,
}


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_reached(reason: str) -> None:
    text = REASON_CASES[reason]
    assert WORLD.parse(text) == Rejection(reason, text[:200])


def test_variants_of_a_reserved_task_are_reserved() -> None:
    a, operator, b = next(p.prompt for p in list_problems("product") if p.stream).split()
    for text in (f"{b} {operator} {a}", f"-{a} * -{b}", f"({b}) x ({a})", f"What is {b} × {a}?"):
        read = WORLD.parse(text)
        assert isinstance(read, Rejection) and read.reason == "reserved", text


def test_a_known_wording_is_a_task_unless_its_expression_is_reserved() -> None:
    task = _parsed(WORDS.format(25, 13))
    assert (task.family, task.prompt) == ("words", WORDS.format(25, 13))
    assert task.id != _parsed("25 + 13").id
    assert task.level == _parsed("25 + 13").level + 1
    assert task.id == _parsed(WORDS.format(13, 25)).id
    a, _, b = next(
        p.prompt for p in list_problems("two_digit") if p.stream and "+" in p.prompt
    ).split()
    read = WORLD.parse(WORDS.format(a, b))
    assert isinstance(read, Rejection) and read.reason == "reserved"


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text() | st.text("0123456789+-*()x =?Q:.\n", max_size=30))
def test_any_text_is_a_task_or_a_named_rejection(text: str) -> None:
    read = WORLD.parse(text)
    if isinstance(read, Rejection):
        assert read.reason in REASONS and len(read.text) <= 200
    else:
        assert read.family in FAMILIES and read.level in LEVELS
        assert WORLD.parse(read.prompt) == read


def _parsed(text: str) -> Task:
    read = WORLD.parse(text)
    assert isinstance(read, Task), read
    return read
