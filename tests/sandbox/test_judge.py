from __future__ import annotations

import pytest

from ratchet.sandbox.compare import Tolerance
from ratchet.sandbox.fake import FakeSandbox, Run, ends, returns
from ratchet.sandbox.feedback import feedback
from ratchet.sandbox.judge import PATIENCE, Case, judge_cases, run_fairly
from ratchet.sandbox.judgement import Ruling
from ratchet.sandbox.protocol import End, Limits, Outcome, Program, Result, Sandbox, Usage

DOUBLE = Program("def f(x):\n    return x + x", "f")
CASES = [Case((1,), 2), Case(("a",), "aa"), Case(([],), [])]


def test_a_right_program_passes(sandbox: Sandbox) -> None:
    judged = judge_cases(sandbox, DOUBLE, CASES, repeat=2)
    assert judged.passed and judged.cases == (True, True, True) and judged.share == 1.0
    assert feedback(judged) == ""


def test_the_first_failure_is_told(sandbox: Sandbox) -> None:
    judged = judge_cases(sandbox, DOUBLE, [Case((1,), 2), Case((2,), 5), Case((3,), 7)])
    assert judged.ruling is Ruling.FAILED and judged.end is End.OK
    assert judged.cases == (True, False, False) and judged.share == pytest.approx(1 / 3)
    assert feedback(judged) == "Failed on test 2.\nCall: f(2)\nExpected: 5\nGot: 4"
    assert "5" not in feedback(judged, reveal=False).replace("test 2", "")


def test_an_error_is_told_with_its_line(sandbox: Sandbox) -> None:
    program = Program("def f(x):\n    y = 1\n    return y / x", "f")
    judged = judge_cases(sandbox, program, [Case((1,), 1.0), Case((0,), 0.0), Case((2,), 0.5)])
    assert judged.cases == (True, False, True) and judged.end is End.ERROR
    assert "Error: ZeroDivisionError (line 3): division by zero" in feedback(judged)


@pytest.mark.parametrize(
    ("source", "end", "words"),
    [
        ("def f(x):\n    while True: pass", End.TIMEOUT, "CPU"),
        ("def f(x): return bytearray(2**40)", End.MEMORY, "emory"),
        ("def f(x):\n    while True: print('x' * 9999)", End.OUTPUT, "wrote"),
        ("def f(x):\n    import os\n    os._exit(0)", End.ERROR, "ended before"),
        ("def f(x):\n    import os\n    os.abort()", End.KILLED, "SIGABRT"),
        ("def f(x): return {x}", End.ERROR, "set"),
        ("def f(x", End.ERROR, "SyntaxError"),
        ("g = 1", End.ERROR, "NameError"),
    ],
)
def test_every_bad_end_fails_in_words(sandbox: Sandbox, source: str, end: End, words: str) -> None:
    limits = Limits(cpu_s=0.3, wall_s=5.0)
    judged = judge_cases(sandbox, Program(source, "f"), CASES, limits=limits)
    assert judged.ruling is Ruling.FAILED and judged.end is end
    assert not any(judged.cases)
    assert words in feedback(judged)


def test_a_process_that_ends_badly_after_the_last_value_fails(sandbox: Sandbox) -> None:
    source = "import atexit, os\natexit.register(os.abort)\ndef f(x): return x + x"
    judged = judge_cases(sandbox, Program(source, "f"), CASES)
    assert judged.ruling is Ruling.FAILED and judged.end is End.KILLED


def test_scripts_are_judged_by_what_they_print(sandbox: Sandbox) -> None:
    script = Program("a, b = map(int, input().split())\nprint(a + b, ' ')\nprint()")
    judged = judge_cases(sandbox, script, [Case("1 2", "3\n"), Case("2 2", "5")])
    assert judged.cases == (True, False)
    assert "standard input '2 2'" in feedback(judged)


def test_files_and_tolerance_are_passed_on(sandbox: Sandbox) -> None:
    program = Program("def f(x):\n    return float(open('n').read()) * x", "f")
    near = Tolerance(1e-6)
    files = {"n": b"0.1"}
    assert not judge_cases(sandbox, program, [Case((3,), 0.3)], files=files).passed
    assert judge_cases(sandbox, program, [Case((3,), 0.3)], files=files, tolerance=near).passed


def test_a_program_that_does_not_repeat_itself_fails() -> None:
    fake = FakeSandbox([returns(2, "aa", []), returns(2, "aa", [0])])
    judged = judge_cases(fake, DOUBLE, CASES, repeat=2)
    assert judged.ruling is Ruling.FAILED
    assert "another run" in feedback(judged) and "f([])" in feedback(judged)


def test_nothing_is_decided_where_nothing_ran() -> None:
    refusal = ends(End.REFUSED, 0, message="limits out of range")
    for script in ([refusal], [returns(2, "aa", [])], [returns(2)]):
        cases = CASES if script != [returns(2, "aa", [])] else []
        judged = judge_cases(FakeSandbox(script), DOUBLE, cases)
        assert judged.ruling is Ruling.UNDECIDED and not judged.passed
        assert feedback(judged).startswith("Not decided: ")


def test_a_result_that_is_not_ok_never_passes_whatever_it_holds() -> None:
    wrong = Outcome(End.OK, (Result(End.ERROR, 2), Result(End.OK, "aa"), Result(End.OK, [])))
    assert judge_cases(FakeSandbox([wrong]), DOUBLE, CASES).cases == (False, True, True)


def slow(run: Run) -> Outcome:
    patient = run.limits.wall_s > 10
    end = End.OK if patient else End.TIMEOUT
    return Outcome(end, (Result(end, 2),), usage=Usage(cpu_s=1.0, wall_s=10.0))


def test_a_program_starved_of_its_time_gets_more_of_the_clock() -> None:
    fake = FakeSandbox(slow)
    limits = Limits(cpu_s=5.0, wall_s=10.0)
    assert run_fairly(fake, DOUBLE, [(1,)], limits=limits).end is End.OK
    assert [run.limits.wall_s for run in fake.runs] == [10.0, 10.0 * PATIENCE]


@pytest.mark.parametrize("usage", [Usage(cpu_s=0.01, wall_s=10.0), Usage(cpu_s=5.0, wall_s=10.0)])
def test_one_that_slept_or_spent_its_time_does_not(usage: Usage) -> None:
    fake = FakeSandbox([Outcome(End.TIMEOUT, (Result(End.TIMEOUT),), usage=usage)])
    limits = Limits(cpu_s=5.0, wall_s=10.0)
    assert run_fairly(fake, DOUBLE, [(1,)], limits=limits).end is End.TIMEOUT
    assert len(fake.runs) == 1
