from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.core.seeds import Seed
from ratchet.core.task import Rejection, Task
from ratchet.worlds.countdown import (
    EXAMPLES,
    FAMILIES,
    LEVELS,
    REASONS,
    Countdown,
    evaluate,
    numbers_of,
    parse_expression,
    read_answer,
    read_prompt,
    render,
    self_check,
    solve,
    solve_exactly,
)
from ratchet.worlds.countdown.problem import Problem
from ratchet.worlds.countdown.supply import LEVELS_OF
from ratchet.worlds.protocol import Stream

WORLD = Countdown()
EVEN = dict.fromkeys(FAMILIES, 1.0)
ANY = dict.fromkeys(LEVELS, 1.0)


def rng(*names: str | int) -> np.random.Generator:
    return Seed(5).child(*names).rng()


def problem_of(task: Task) -> Problem:
    problem = read_prompt(task.prompt)
    assert isinstance(problem, Problem), task.prompt
    return problem


def test_tasks_are_open_distinct_solvable_and_spread_over_the_families() -> None:
    tasks = WORLD.tasks(rng("tasks"), 200)
    assert len({task.id for task in tasks}) == 200
    assert set(Counter(task.family for task in tasks).values()) == {40}
    for task in tasks:
        problem = problem_of(task)
        assert problem.stream is None
        assert (problem.family, problem.level) == (task.family, task.level)
        answer = solve_exactly(task.prompt)
        assert answer is not None and WORLD.check(task, answer).passed


@pytest.mark.parametrize("family", FAMILIES)
def test_tasks_of_a_family_and_level(family: str) -> None:
    for level in LEVELS_OF[family]:
        tasks = WORLD.tasks(rng(family, level), 4, level=level, family=family)
        assert {(task.family, task.level) for task in tasks} == {(family, level)}
        assert len({task.id for task in tasks}) == 4


@pytest.mark.parametrize("stream", list(Stream))
def test_anchors_are_reserved_for_their_stream(stream: Stream) -> None:
    anchors = WORLD.anchors(rng("anchors"), 60, stream, EVEN, ANY)
    assert {problem_of(anchor).stream for anchor in anchors} == {stream}
    for anchor in anchors:
        read = WORLD.parse(anchor.prompt)
        assert isinstance(read, Rejection) and read.reason == "reserved"


def test_the_game_of_24_is_whole_and_both_rules_share_the_side() -> None:
    streams = {s: WORLD.anchors(rng("all"), 2000, s, {"twenty_four": 1.0}, ANY) for s in Stream}
    reserved = sum(map(len, streams.values()))
    opened = WORLD.tasks(rng("all"), 2000, family="twenty_four")
    assert reserved + len(opened) == 1362, "the known number of solvable hands of the Game of 24"
    for anchor in streams[Stream.GATE][:10]:
        looser = WORLD.parse(anchor.prompt.replace("exactly", "at most"))
        assert isinstance(looser, Rejection) and looser.reason == "reserved"


def test_a_fifth_is_reserved() -> None:
    opened = WORLD.tasks(rng("two"), 5000, family="two")
    reserved = [WORLD.anchors(rng("two"), 5000, s, {"two": 1.0}, ANY) for s in Stream]
    share = sum(map(len, reserved)) / (len(opened) + sum(map(len, reserved)))
    assert 0.17 < share < 0.23


def brute_force(numbers: tuple[int, ...], target: int) -> bool:
    """Try every order, operator and way to set parentheses around up to four numbers."""
    shapes = {
        2: ["({0}{a}{1})"],
        3: ["(({0}{a}{1}){b}{2})", "({0}{a}({1}{b}{2}))"],
        4: [
            "((({0}{a}{1}){b}{2}){c}{3})",
            "(({0}{a}({1}{b}{2})){c}{3})",
            "(({0}{a}{1}){b}({2}{c}{3}))",
            "({0}{a}(({1}{b}{2}){c}{3}))",
            "({0}{a}({1}{b}({2}{c}{3})))",
        ],
    }
    orders, gaps = set(permutations(numbers)), len(numbers) - 1
    for order, signs, shape in product(orders, product("+-*/", repeat=gaps), shapes[len(numbers)]):
        named = dict(zip("abc"[:gaps], signs, strict=True))
        expression = parse_expression(shape.format(*order, **named))
        assert expression is not None
        if evaluate(expression) == target:
            return True
    return False


@pytest.mark.parametrize(
    ("numbers", "target"),
    [
        ((3, 3, 8, 8), 24),
        ((1, 1, 1, 1), 24),
        ((1, 5, 5, 5), 24),
        ((7, 9), 2),
        ((7, 9), 3),
        ((4, 9, 11), 53),
        ((4, 9, 11), 50),
    ],
)
def test_the_solver_agrees_with_trying_everything(numbers: tuple[int, ...], target: int) -> None:
    solution = solve(numbers, target)
    assert (solution is not None) == brute_force(numbers, target)
    if solution is not None:
        assert evaluate(solution.tree) == target
        assert sorted(numbers_of(solution.tree)) == sorted(numbers)


def test_the_simplest_solution_is_chosen() -> None:
    plain = solve((2, 2, 4), 8)
    assert plain is not None and (plain.products, plain.steps) == (0, 2)
    hard = solve((3, 3, 8, 8), 24)
    assert hard is not None and hard.fractional and hard.text == "8 / (3 - 8 / 3)"
    some = solve((3, 8, 20, 25), 12, every=False)
    assert some is not None and some.text == "20 - 8"


@pytest.mark.parametrize(
    ("answer", "passed", "feedback"),
    [
        ("8 / (3 - 8 / 3)", True, "correct"),
        ("8/(3-8/3) = 24", True, "correct"),
        ("The answer is 8 ÷ (3 − 8 ÷ 3).", True, "correct"),
        ("3 + 3 = 6\nso: 8 / (3 - 8/3)", True, "correct"),
        ("3 * 8", False, "3 is not used"),
        ("8 * 3 * 8 / 8 + 3 - 3", False, "3 is used more"),
        ("24 + 3 - 3 + 8 - 8", False, "24 is used more"),
        ("8 / (3 - 3) * 8", False, "divides by zero"),
        ("3 + 3 + 8 + 8", False, "it makes 22, not 24"),
        ("24", False, "expected"),
        ("none", False, "expected"),
    ],
)
def test_answers(answer: str, passed: bool, feedback: str) -> None:
    prompt = Problem(24, (3, 3, 8, 8)).prompt
    verdict = self_check(prompt, answer)
    assert verdict.passed is passed
    assert feedback in verdict.feedback
    assert WORLD.check(Task("t", "countdown", prompt, "twenty_four", 5), answer) == verdict


def test_at_most_once_means_some_may_be_left() -> None:
    problem = Problem(12, (20, 3, 8), every=False)
    assert self_check(problem.prompt, "20 - 8").passed
    assert not self_check(problem.prompt, "20 - 8 + 3 - 3").passed
    assert not self_check(Problem(12, (20, 3, 8)).prompt, "20 - 8").passed


def test_division_is_exact() -> None:
    expression = parse_expression("1 / 3 * 3")
    assert expression is not None and evaluate(expression) == 1
    assert evaluate(parse_expression("7 / 2") or expression) == Fraction(7, 2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("make something", "no_problem"),
        ("Make 24 from 3", "too_many_numbers"),
        ("Make 24 from 3, 3, 8, 8, 9", "too_many_numbers"),
        ("Make 0 from 3, 3", "out_of_range"),
        ("Make 6 from 100, 94", "out_of_range"),
        ("Make 24 from 3, 3", "unsolvable"),
        ("Make 3 from 4, 3, 9, each at most once.", "trivial"),
        ("Make 6 from 3, 3" + " " * 300 + ".", "too_long"),
    ],
)
def test_refused_proposals_have_reasons(text: str, reason: str) -> None:
    read = WORLD.parse(text)
    # What is reserved is said first, so the other reasons are tried on open forms.
    assert isinstance(read, Rejection) and read.reason == reason
    assert reason in REASONS


def test_proposals_are_read_leniently() -> None:
    plain = WORLD.parse("Make 9 from 4, 5, each exactly once.")
    assert isinstance(plain, Task) and plain.lineage == ("model",)
    for text in ("1. Make 9 from 5 and 4", "Q: make 9 using 4, 5?", "- Make 9 from 4 5.\nmore"):
        read = WORLD.parse(text)
        assert isinstance(read, Task) and read.id == plain.id, text


def test_examples_are_open_and_right() -> None:
    for prompt, answer in EXAMPLES:
        task = WORLD.parse(prompt)
        assert isinstance(task, Task) and WORLD.check(task, answer).passed


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0123456789+-*/() x=÷", max_size=60))
def test_reading_and_writing_an_expression_keep_it(text: str) -> None:
    expression = parse_expression(text)
    read_answer(text)
    if expression is not None:
        assert parse_expression(render(expression)) == expression
