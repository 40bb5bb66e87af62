from __future__ import annotations

import time

import pytest

from ratchet.guard.code import CodeIndex, fingerprints

SOURCE = '''
def running_total(numbers: list[int]) -> list[int]:
    """Add them up."""
    total, found = 0, []
    for number in numbers:
        total += number
        found.append(total)
    return found
'''
RENAMED = """
def f(xs):
    # as before
    a, b = 0, []
    for x in xs:
        a += x
        b.append(a)
    return b
"""


@pytest.mark.parametrize(
    "text",
    [
        SOURCE,
        RENAMED,
        f"Here it is:\n```python\n{RENAMED}```\nDone.",
        "class A:\n    " + RENAMED.strip().replace("\n", "\n    "),
        "import os\n" + RENAMED + "\nprint(f([1]))",
    ],
)
def test_the_same_function_is_found_whatever_it_is_called(text: str) -> None:
    assert CodeIndex(["x = 1", SOURCE]).find(text) == 1


@pytest.mark.parametrize(
    "text",
    [
        RENAMED.replace("a += x", "a -= x"),
        RENAMED.replace("0", "1"),
        RENAMED.replace("b.append(a)", "b.append(x)"),
        RENAMED.replace("append", "extend"),
        "def f(xs):\n    return xs",
        "no code at all (",
        "",
    ],
)
def test_another_function_is_let_pass(text: str) -> None:
    assert CodeIndex([SOURCE]).find(text) is None


def test_a_function_inside_another_is_found_by_itself() -> None:
    outer = "def g(numbers):\n    numbers = 1\n    " + RENAMED.strip().replace("\n", "\n    ")
    assert CodeIndex([SOURCE]).find(outer) == 0


@pytest.mark.parametrize(
    "text", ["(" * 5000, "[" * 200 + "]" * 200, "-" * 40_000 + "1", "\0", "x" * 60_000, "9" * 5000]
)
def test_hostile_texts_are_no_code_and_cost_nothing(text: str) -> None:
    began = time.monotonic()
    assert fingerprints(text) == []
    assert time.monotonic() - began < 2


def test_small_functions_are_no_evidence() -> None:
    assert fingerprints("def add(a, b):\n    return a + b\n") == []
    assert len(fingerprints(SOURCE)) == 1
