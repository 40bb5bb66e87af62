from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.core.seeds import Seed
from ratchet.core.task import Rejection, Task
from ratchet.worlds.functions import FAMILIES, REASONS, Functions
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.protocol import Stream, World

FUNCTIONS = Functions()
WORLD: World = FUNCTIONS
EVEN = dict.fromkeys(FAMILIES, 1.0)


def rng(name: str) -> np.random.Generator:
    return Seed(4).child(name).rng()


def task(prompt: str) -> Task:
    return Task("", "functions", prompt, "near", 1)


def test_exact_answers_score_one_and_errors_score_by_size() -> None:
    at = task("x = 2.00")
    assert FUNCTIONS.check(at, "y = 1").reward == 1.0
    assert FUNCTIONS.check(at, "y = 1").passed
    assert FUNCTIONS.check(at, str(1 + FUNCTIONS.scale)).reward == pytest.approx(0.5)
    assert FUNCTIONS.check(at, str(1 - 3 * FUNCTIONS.scale)).reward == pytest.approx(0.25)
    assert FUNCTIONS.check(at, str(1 + 0.009 * FUNCTIONS.scale)).passed
    assert not FUNCTIONS.check(at, str(1 + 0.011 * FUNCTIONS.scale)).passed


def test_another_law_is_another_truth() -> None:
    world = Functions(math.sin)
    assert world.check(task("x = 0.00"), "0").passed
    assert not world.check(task("x = 1.57"), "0").passed
    with pytest.raises(ValueError, match="finite"):
        Functions(lambda x: math.nan)


@pytest.mark.parametrize("answer", ["", "nan", "inf", "-Infinity", "1e999", "9" * 5000, "y"])
def test_answers_that_are_no_number(answer: str) -> None:
    verdict = FUNCTIONS.check(task("x = 2.00"), answer)
    assert (verdict.reward, verdict.passed, verdict.parsed) == (0.0, False, False)


@pytest.mark.parametrize("answer", ["1", "1.0", "+1", "10e-1", ".1e1", "it is 1.", "x=2.00 y=1"])
def test_ways_of_writing_a_number(answer: str) -> None:
    assert FUNCTIONS.check(task("x = 2.00"), answer).reward == 1.0


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text() | st.text("0123456789.eE+-x= ", max_size=30))
def test_any_text_is_judged_and_read(text: str) -> None:
    verdict = FUNCTIONS.check(task("x = 2.00"), text)
    assert 0.0 <= verdict.reward <= 1.0
    read = FUNCTIONS.parse(text)
    assert isinstance(read, Task) or read.reason in REASONS


def test_every_reason_is_reached() -> None:
    reserved = WORLD.anchors(rng("reason"), 1, Stream.GATE, EVEN, {1: 1.0})[0].prompt
    cases = {"no_input": "y = 3", "off_grid": "x = 1.255", "reserved": reserved}
    assert tuple(cases) == REASONS
    for reason, text in cases.items():
        assert FUNCTIONS.parse(text) == Rejection(reason, text)
    assert FUNCTIONS.parse("x = 99") == Rejection("off_grid", "x = 99")


def test_final_rows_are_many_and_sides_never_mix() -> None:
    drawn = {stream: WORLD.anchors(rng("all"), 5000, stream, EVEN, {1: 1.0}) for stream in Stream}
    assert len(drawn[Stream.FINAL]) >= 300
    for stream, anchors in drawn.items():
        assert {reserved_stream("functions", anchor.prompt) for anchor in anchors} == {stream}
    open_tasks = WORLD.tasks(rng("all"), 5000)
    assert {reserved_stream("functions", t.prompt) for t in open_tasks} == {None}
    total = len(open_tasks) + sum(map(len, drawn.values()))
    assert total == 4800
    assert len(open_tasks) / total == pytest.approx(0.8, abs=0.02)


def test_anchor_weights() -> None:
    anchors = WORLD.anchors(rng("w"), 40, Stream.FINAL, {"near": 3.0, "far": 1.0}, {1: 1.0})
    assert sum(anchor.family == "near" for anchor in anchors) == 30
    near = WORLD.tasks(rng("w"), 30, family="near")
    assert all(-8 <= float(t.prompt.removeprefix("x = ")) < 8 for t in near)


def test_training_rows_are_open_and_lie_on_the_law() -> None:
    rows = FUNCTIONS.rows(rng("rows"), 500)
    assert len({x for x, _ in rows}) == 500
    for x, y in rows:
        assert reserved_stream("functions", f"x = {x:.2f}") is None
        assert y == pytest.approx(0.5 * x**2 - 2 * x + 3)


def test_minus_zero_is_zero() -> None:
    zero, minus = FUNCTIONS.parse("x = 0"), FUNCTIONS.parse("x = -0.00")
    assert isinstance(zero, Task) is isinstance(minus, Task)
    if isinstance(zero, Task) and isinstance(minus, Task):
        assert zero.id == minus.id
