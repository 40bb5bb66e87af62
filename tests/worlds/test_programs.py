"""The world of programs: the three modes, what is refused, who may see what."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from random import Random

import numpy as np
import pytest

from ratchet.core.seeds import Seed
from ratchet.core.task import Rejection, Task
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.programs import EXAMPLES, FAMILIES, LEVELS, REASONS, Programs, render
from ratchet.worlds.programs.drawing import draw_problem
from ratchet.worlds.programs.language import Expression, parse_program
from ratchet.worlds.programs.problem import WORLD, Problem, behaviour, is_open
from ratchet.worlds.programs.reading import read_answer, read_program, read_proposal
from ratchet.worlds.protocol import Stream

PROGRAMS = Programs()
EVEN, ANY = dict.fromkeys(FAMILIES, 1.0), dict.fromkeys(LEVELS, 1.0)


def rng(*names: str | int) -> np.random.Generator:
    return Seed(6).child(*names).rng()


@cache
def tasks() -> tuple[Task, ...]:
    return tuple(PROGRAMS.tasks(rng("tasks"), 90))


@cache
def anchors(stream: Stream) -> tuple[Task, ...]:
    return tuple(PROGRAMS.anchors(rng("anchors"), 45, stream, EVEN, ANY))


def read(text: str) -> Task:
    task = PROGRAMS.parse(text)
    assert isinstance(task, Task), task
    return task


def refused(text: str) -> str:
    outcome = PROGRAMS.parse(text)
    assert isinstance(outcome, Rejection), outcome
    assert outcome.reason in REASONS
    return outcome.reason


def passes(task: Task, answer: str) -> bool:
    return PROGRAMS.check(task, answer).passed


def program(text: str) -> Expression:
    found = parse_program(text)
    assert not isinstance(found, str), found
    return found


def test_a_deduction_asks_for_the_output() -> None:
    task = read("f(x) = x * 2 + 1, f(7) = ?")
    assert (task.family, task.level) == ("deduction", 2)
    assert task.prompt == "f(x) = x * 2 + 1, f(7) = ?"
    assert passes(task, " 15\n") and passes(task, "7 * 2 + 1 = 15")
    assert not passes(task, "16") and not passes(task, "[15]") and not passes(task, "15.5")
    assert not PROGRAMS.check(task, "fifteen").parsed


def test_an_abduction_takes_any_input_that_gives_the_output() -> None:
    task = read("f(x) = x % 5 + 1, f(?) = f(13)")
    assert task.prompt == "f(x) = x % 5 + 1, f(?) = 4"
    assert all(passes(task, str(x)) for x in (3, 8, 13, -2))
    assert not passes(task, "4") and not passes(task, "[3]")
    again = read("f(x) = x % 5 + 1, f(?) = f(8)")
    assert again.id == task.id, "what is asked is the same"


def test_an_induction_is_checked_on_inputs_that_are_not_shown() -> None:
    task = read("f(x) = x + 3, f(2), f(7), f(0)")
    assert task.prompt == "f(2) = 5, f(7) = 10, f(0) = 3, f(x) = ?"
    for right in ("x + 3", "f(x) = x + 3", "x + 1 + 2", "3 + x", "x - 4 + 7"):
        assert passes(task, right), right
    table = "5 if x == 2 else 10 if x == 7 else 3"
    assert not passes(task, table), "a table of what is shown is no program"
    assert not passes(task, "x + 4") and not PROGRAMS.check(task, "add three").parsed


def test_an_inductions_id_seals_the_held_out_outputs() -> None:
    """With the id of another program that agrees on what is shown, the answer fails."""
    task = read("f(x) = x + 3, f(2), f(7), f(0)")
    assert not passes(replace(task, id="0" * 32), "x + 3")


def test_truth_is_computed_from_the_task_alone() -> None:
    for task in tasks()[:30]:
        assert Programs().check(task, "1") == PROGRAMS.check(task, "1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("f(x) = x + 1", "no_task"),
        ("what is 2 + 2?", "no_task"),
        ("f(x) = " + "x + " * 80 + "1, f(2) = ?", "too_long"),
        ("f(x) = " + "x + " * 20 + "1, f(2) = ?", "too_long"),
        ("f(x) = x+x+x+x+x+x+x+x+x+x+x+x+x, f(2) = ?", "too_deep"),
        ("f(x) = (x+x+x+x)+(x+x+x+x)+(x+x+x+x)+x*x, f(2) = ?", "too_big"),
        ("f(x) = y + 1, f(2) = ?", "no_program"),
        ("f(x) = x ** 9, f(2) = ?", "no_program"),
        ("f(x) = __import__('os'), f(2) = ?", "no_program"),
        ("f(x) = open(x), f(2) = ?", "no_program"),
        ("f(x) = x.real, f(2) = ?", "no_program"),
        ("f(x) = x + 1000, f(2) = ?", "number_too_big"),
        ("f(x) = loop(x, x + 1), f(2) = ?", "bad_loop"),
        ("f(x) = loop(10, x + 1), f(2) = ?", "bad_loop"),
        ("f(x) = x * 3, f(two) = ?", "bad_input"),
        ("f(x) = x * 3, f(100) = ?", "bad_input"),
        ("f(x) = x * 3, f([1, 2, 3, 4, 5, 6, 7, 8, 9]) = ?", "bad_input"),
        ("f(x) = x + 3, f(2), f(7)", "too_few_inputs"),
        ("f(x) = x + 3, f(2), f(7), f(2)", "too_few_inputs"),
        ("f(x) = x + 3, f(2), f(7), f([2])", "too_few_inputs"),
        ("f(x) = x + 2 - 2, f(7) = ?", "identity"),
        ("f(x) = sum(x), f(7) = ?", "identity"),
        ("f(x) = x - x + 4, f(7) = ?", "constant"),
        ("f(x) = 4, f(?) = f(7)", "constant"),
        ("f(x) = first(x), f([]) = ?", "fails"),
        ("f(x) = 9 // (x - 7), f(7) = ?", "fails"),
        ("f(x) = x // 9, f(1), f(2), f(3)", "same_outputs"),
    ],
)
def test_what_is_no_task_is_refused_by_name(text: str, reason: str) -> None:
    assert refused(text) == reason


def test_tasks_are_open_distinct_and_spread_over_modes_and_kinds() -> None:
    assert set(Counter(task.family for task in tasks()).values()) == {30}
    assert len({task.id for task in tasks()}) == 90
    assert any("[" in task.prompt for task in tasks())
    assert {task.level for task in tasks()} == set(LEVELS)


def test_a_world_draws_the_levels_it_is_given_and_reads_all() -> None:
    small = Programs((1, 2))
    assert {task.level for task in small.tasks(rng("small"), 30)} == {1, 2}
    assert {task.level for task in small.tasks(rng("asked"), 6, level=4)} == {4}
    assert isinstance(small.parse("f(x) = loop(3, x * 2 - 3), f(7) = ?"), Task)
    with pytest.raises(ValueError, match="level"):
        Programs((9,))


@pytest.mark.parametrize("stream", list(Stream))
def test_anchors_are_told_by_their_prompts(stream: Stream) -> None:
    assert len(anchors(stream)) == 45
    for anchor in anchors(stream):
        assert refused(anchor.prompt) == "reserved", anchor.prompt


def test_no_open_task_does_what_an_anchors_program_does() -> None:
    """Neither in another mode, nor written in another way, nor on the other kind of input."""
    shown = [anchor for s in Stream for anchor in anchors(s) if anchor.family != "induction"]
    for anchor in shown[:40]:
        text = anchor.prompt.removeprefix("f(x) = ").rpartition(", f(")[0]
        for same in (text, f"({text}) + 0", f"({text}) * 1"):
            outcomes = [f"f(x) = {same}, f({x}) = ?" for x in (5, "[4, 1]")]
            for one in outcomes:
                assert not isinstance(PROGRAMS.parse(one), Task), one


def test_a_program_is_open_only_where_both_its_forms_are() -> None:
    random, sides = Random(3), Counter[tuple[bool, bool]]()
    for _ in range(300):
        drawn = draw_problem("deduction", random).program
        forms = [reserved_stream(WORLD, behaviour(drawn, kind)) for kind in (False, True)]
        sides[(forms[0] is None, forms[1] is None)] += 1
        assert is_open(drawn) == (forms == [None, None])
    assert len(sides) == 4


def test_about_a_fifth_of_the_forms_is_reserved() -> None:
    random = Random(4)
    forms = {draw_problem("deduction", random).form for _ in range(3_000)}
    share = sum(reserved_stream(WORLD, form) is not None for form in forms) / len(forms)
    assert len(forms) > 800 and 0.16 < share < 0.24


def test_the_examples_are_open_and_right() -> None:
    proposals = {
        "f(x) = x * 3 - 1, f(?) = 11": "f(x) = x * 3 - 1, f(?) = f(4)",
        "f(2) = 5, f(7) = 10, f(0) = 3, f(x) = ?": "f(x) = x + 3, f(2), f(7), f(0)",
        "f(x) = sort(x), f(?) = [2, 6]": "f(x) = sort(x), f(?) = f([6, 2])",
        "f([1, 5]) = 1, f([9, 2, 4]) = 9, f([3, 3]) = 3, f(x) = ?": "f(x) = first(x), f([1, 5]), "
        "f([9, 2, 4]), f([3, 3])",
    }
    for prompt, answer in EXAMPLES:
        task = read(proposals.get(prompt, prompt))
        assert task.prompt == prompt and passes(task, answer)


@pytest.mark.parametrize("mode", FAMILIES)
def test_what_is_drawn_is_read_back(mode: str) -> None:
    random, read_back = Random(5), 0
    for _ in range(80):
        problem = draw_problem(mode, random)
        found = read_proposal(problem.proposal)
        if isinstance(found, Problem):
            assert found == problem and found.id == problem.id
            read_back += 1
        else:
            assert problem.flaw == found or not problem.is_open
    assert read_back > 20


def test_answers_are_read_leniently_and_totally() -> None:
    assert read_answer("so it is 12") == 12 and read_answer("[1, -2]") == (1, -2)
    assert read_answer("[]") == () and read_answer("no idea") is None
    assert read_answer("[1, 2") == 2 and read_answer("1.5") is None
    found = read_program(" f(x) = x * 2.\nQ: more")
    assert found == program("x * 2") and render(found) == "x * 2"
    assert read_program("print(x)") is None and read_program("") is None
