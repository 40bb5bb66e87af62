"""Absolute Zero's modes on Python functions: hostile text, run in the sandbox alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet.core.seeds import Seed
from ratchet.core.task import Rejection, Task
from ratchet.sandbox.fake import FakeSandbox, ends
from ratchet.sandbox.protocol import End
from ratchet.worlds.conformance import CHECKS, NASTY_TEXTS, check_world
from ratchet.worlds.programs.language import parse_program
from ratchet.worlds.programs.python_source import (
    read_function,
    read_literal,
    read_solution,
    translate,
)
from ratchet.worlds.programs.python_world import PythonPrograms
from ratchet.worlds.programs.reasons import Reason
from ratchet.worlds.protocol import Stream

LEVELS = {1: 0.5, 2: 0.5}


@pytest.fixture(scope="module")
def world() -> Iterator[PythonPrograms]:
    found = PythonPrograms()
    yield found
    found.sandbox.close()


def read(world: PythonPrograms, text: str) -> Task:
    task = world.parse(text)
    assert isinstance(task, Task), task
    return task


def refused(world: PythonPrograms, text: str) -> str:
    outcome = world.parse(text)
    assert isinstance(outcome, Rejection), outcome
    return outcome.reason


def test_the_three_modes(world: PythonPrograms) -> None:
    body = "def f(x):\n    y = x * 3\n    return y - 1\n"
    deduction = read(world, f"{body}f(4) = ?")
    assert world.check(deduction, " 11").passed and not world.check(deduction, "12").passed
    assert not world.check(deduction, "11.0").passed and not world.check(deduction, "?").parsed
    abduction = read(world, "def f(x):\n    return sorted(x)[0]\nf(?) = f([4, 2, 9])")
    assert abduction.prompt.endswith("f(?) = 2")
    for given in ("[2]", "[7, 2]", "(3, 2)"):
        assert world.check(abduction, given).passed, given
    assert not world.check(abduction, "2").passed and not world.check(abduction, "[1]").passed
    induction = read(world, "def f(x):\n    return x - 6\nf(9), f(6), f(20)")
    assert induction.prompt == "f(9) = 3, f(6) = 0, f(20) = 14, f = ?"
    for right in ("x - 6", "def f(x):\n    return x - 3 - 3", "f(x) = -6 + x"):
        assert world.check(induction, right).passed, right
    table = "{9: 3, 6: 0, 20: 14}.get(x)"
    assert not world.check(induction, table).passed, "it fails on inputs that are not shown"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("hello", "no_task"),
        ("import os\ndef f(x):\n    return x\nf(4) = ?", "no_task"),
        ("def f(x):\n    return x\nimport os\nf(4) = ?", "no_program"),
        ("def f(x=print(1)):\n    return x\nf(4) = ?", "no_task"),
        ("def f(x):\n    return x +\nf(4) = ?", "no_program"),
        ("def f(x):\n    return x * 3\nf(open) = ?", "bad_input"),
        ("def f(x):\n    return x * 3\nf(1), f(2)", "too_few_inputs"),
        ("def f(x):\n    return x\nf(4) = ?", "identity"),
        ("def f(x):\n    return 7\nf(4) = ?", "constant"),
        ("def f(x):\n    import random\n    return random.random()\nf(4) = ?", "not_deterministic"),
        ("def f(x):\n    import time\n    return time.time_ns()\nf(4) = ?", "not_deterministic"),
        ("def f(x):\n    return id(object()) + id(x)\nf([4]) = ?", "not_deterministic"),
        ("def f(x):\n    return 1 // 0 if x == 4 else [x, 1]\nf(4) = ?", "fails"),
    ],
)
def test_what_is_no_task_is_refused_by_name(world: PythonPrograms, text: str, reason: str) -> None:
    assert refused(world, text) in {reason, "reserved" if reason == "identity" else reason}


@pytest.mark.slow
def test_it_conforms(world: PythonPrograms) -> None:
    assert check_world(world, draw=6) == list(CHECKS)


def test_hostile_functions_do_nothing_here(world: PythonPrograms, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for act in (
        f"open({str(mark)!r}, 'w').write('x')",
        "__import__('os').kill(__import__('os').getppid(), 9)",
        "__import__('socket').create_connection(('127.0.0.1', 22), 1)",
        "__import__('os')._exit(0)",
    ):
        outcome = world.parse(f"def f(x):\n    {act}\n    return [x, 1]\nf(4) = ?")
        assert isinstance(outcome, Rejection), outcome
        task = read(world, "def f(x):\n    return x - 6\nf(9), f(6), f(20)")
        assert not world.check(task, f"def f(x):\n    {act}\n    return x - 6").passed
    assert not mark.exists()


def test_drawn_tasks_are_open_and_anchors_are_told_by_their_prompts(world: PythonPrograms) -> None:
    tasks = world.tasks(Seed(2).rng(), 6, level=1)
    assert len({task.id for task in tasks}) == 6 and {task.level for task in tasks} == {1}
    for task in tasks:
        assert not isinstance(world.parse(task.prompt), Rejection) or task.family != "deduction"
    families = dict.fromkeys(world.families, 1.0)
    anchors = world.anchors(Seed(2).rng(), 3, Stream.GATE, families, LEVELS)
    assert {anchor.family for anchor in anchors} == set(world.families)
    assert all(refused(world, anchor.prompt) == "reserved" for anchor in anchors)


def test_a_sandbox_that_refuses_is_no_verdict() -> None:
    broken = PythonPrograms(FakeSandbox(lambda run: ends(End.REFUSED, len(run.inputs))))
    assert refused(broken, "def f(x):\n    return x * 3\nf(4) = ?") == "sandbox_refused"
    task = Task("1", broken.name, "def f(x):\n    return x * 3\nf(4) = ?", "deduction", 1)
    verdict = broken.check(task, "12")
    assert verdict.evidence["error"] == "sandbox_refused" and not verdict.passed


def test_reading_is_total(world: PythonPrograms) -> None:
    task = Task("1", world.name, "f(9) = 3, f(6) = 0, f(20) = 14, f = ?", "induction", 1)
    for text in NASTY_TEXTS:
        read_function(text)
        read_literal(text)
        assert isinstance(world.parse(text), Rejection)
        if len(text) < 600:
            assert not world.check(task, text).passed


def test_literals_are_plain_values_only() -> None:
    assert read_literal("[1, -2.5, 'a', None, True, {'k': (1, 2)}]") == (
        [1, -2.5, "a", None, True, {"k": [1, 2]}],
    )
    for text in ("x", "f(1)", "1 + 1", "[open]", "{1: 2}", "9" * 20, "1e999", "-True", "", "b'a'"):
        assert read_literal(text) is None, text


def test_solutions_are_definitions_or_expressions() -> None:
    assert read_solution("x + 1") == read_solution("def f(x):\n    return x + 1")
    assert read_solution("import os") is None and read_solution("") is None
    assert read_solution("def f(x, y):\n    return x") is None


def test_programs_are_translated() -> None:
    found = {}
    for text in ("sort(x)", "loop(3, x * 2)", "x + 1 if x > 3 else -x", "loop(2, loop(2, x))"):
        program = parse_program(text)
        assert not isinstance(program, Reason)
        found[text] = translate(program)
    assert found["sort(x)"] == "def f(x):\n    return sorted(x)"
    assert found["loop(3, x * 2)"] == (
        "def f(x):\n    for _ in range(3):\n        x = (x * 2)\n    return x"
    )
    assert found["x + 1 if x > 3 else -x"] == ("def f(x):\n    return ((x + 1) if x > 3 else (-x))")
    assert found["loop(2, loop(2, x))"] is None
