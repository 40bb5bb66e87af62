"""The small language: reading, writing, and that every program ends the same way every time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.worlds.programs.language import (
    COMPARISONS,
    FUNCTIONS,
    MAX_NODES,
    MAX_TEXT,
    OPERATORS,
    Call,
    Choice,
    Expression,
    Input,
    Loop,
    Negation,
    Number,
    Operation,
    count_nodes,
    count_operations,
    parse_program,
    render,
)
from ratchet.worlds.programs.reasons import Reason
from ratchet.worlds.programs.running import MAX_LENGTH, MAX_VALUE, Failure, Value, run

_leaves = st.one_of(st.just(Input()), st.integers(0, 99).map(Number))


def _grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        inner.map(Negation),
        st.builds(Operation, st.sampled_from(OPERATORS), inner, inner),
        st.builds(Call, st.sampled_from(FUNCTIONS), inner),
        st.builds(Choice, st.sampled_from(COMPARISONS), inner, inner, inner, inner),
        st.builds(Loop, st.integers(1, 9), inner),
    )


programs = st.recursive(_leaves, _grow, max_leaves=8)
values: st.SearchStrategy[Value] = st.one_of(
    st.integers(-99, 99), st.lists(st.integers(-99, 99), max_size=8).map(tuple)
)


def given_by(text: str, x: Value) -> Value | Failure:
    program = parse_program(text)
    assert not isinstance(program, Reason), program
    return run(program, x)


@given(programs)
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_back(program: Expression) -> None:
    text = render(program)
    read = parse_program(text)
    if len(text) <= MAX_TEXT and count_nodes(program) <= MAX_NODES and read != Reason.TOO_DEEP:
        assert read == program


@given(programs, values)
@settings(max_examples=100, deadline=None)
def test_every_program_ends_within_bounds_and_the_same_way(program: Expression, x: Value) -> None:
    outcome = run(program, x)
    assert outcome == run(program, x)
    if not isinstance(outcome, Failure):
        numbers = (outcome,) if isinstance(outcome, int) else outcome
        assert len(numbers) <= MAX_LENGTH and all(abs(n) <= MAX_VALUE for n in numbers)


@given(st.text(max_size=120))
@settings(max_examples=100, deadline=None)
def test_reading_is_total(text: str) -> None:
    assert parse_program(text) is not None


@pytest.mark.parametrize(
    ("text", "x", "outcome"),
    [
        ("x * 2 + 1", 4, 9),
        ("-x // 2", 7, -4),
        ("x % 3", -1, 2),
        ("x + 1", (1, 2), (2, 3)),
        ("x + x", (1, 2), (2, 4)),
        ("x - rest(x)", (5, 3, 1), (2, 2)),
        ("sort(x)", (3, 1, 2), (1, 2, 3)),
        ("reverse(x)", (3, 1, 2), (2, 1, 3)),
        ("sort(x)", 7, 7),
        ("rest(x)", 7, ()),
        ("len(x) + sum(x)", (4, 5), 11),
        ("max(x) - min(x)", (4, 9, 1), 8),
        ("first(x) * last(x)", (4, 9, 2), 8),
        ("upto(x)", 3, (1, 2, 3)),
        ("upto(x)", -3, ()),
        ("sum(upto(x))", (2, 3), 9),
        ("x + 1 if x > 3 else x - 1", 4, 5),
        ("x + 1 if x > 3 else x - 1", 3, 2),
        ("1 if x == sort(x) else 0", (1, 2), 1),
        ("loop(3, x * 2)", 5, 40),
        ("loop(2, x + 1) * x", 5, 35),
        ("x // 0", 5, Failure.DIVISION_BY_ZERO),
        ("x % (x - 5)", 5, Failure.DIVISION_BY_ZERO),
        ("x * x * x", 99, Failure.VALUE_TOO_BIG),
        ("loop(9, x * x)", 9, Failure.VALUE_TOO_BIG),
        ("upto(x)", 17, Failure.LIST_TOO_LONG),
        ("upto(upto(x))", 9, Failure.LIST_TOO_LONG),
        ("first(x)", (), Failure.EMPTY_LIST),
        ("max(rest(x))", 3, Failure.EMPTY_LIST),
        ("loop(9, loop(9, loop(9, x + 1)))", 0, Failure.OVER_BUDGET),
    ],
)
def test_programs_by_hand(text: str, x: Value, outcome: Value | Failure) -> None:
    assert given_by(text, x) == outcome


def test_operations_are_counted_as_levels_want() -> None:
    counts = {"x": 0, "x + 1": 1, "x % 3": 2, "x + 1 if x > 2 else x": 3, "loop(2, x * 3)": 2}
    for text, count in counts.items():
        program = parse_program(text)
        assert not isinstance(program, Reason) and count_operations(program) == count
