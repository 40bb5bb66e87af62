"""Judging a program by cases: inputs, and the values that must come back.

The program's process only emits values; they are compared here, in a process that never executes
its code and holds what was expected. A pass takes every case run to its end and every value equal
in type and content; an exit code proves nothing. Tests written as code are ``check``'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ratchet.sandbox.compare import Tolerance, equal
from ratchet.sandbox.feedback import cut, show, word
from ratchet.sandbox.judgement import Failure, Judgement, Ruling, undecided
from ratchet.sandbox.protocol import (
    End,
    Limits,
    Outcome,
    Program,
    Result,
    Sandbox,
    Value,
)

PATIENCE = 8
"""How many times longer a program may stay on the clock when it was starved of its CPU time."""
_LIMITS = Limits()
_IDLE = 0.05


@dataclass(frozen=True)
class Case:
    """One input and what must come back."""

    inputs: tuple[Value, ...] | str
    """The arguments of the function, or the standard input of the script."""
    expected: Value
    """The value, or the script's standard output; white space at the end of its lines and of
    the whole does not count."""


def judge_cases(
    sandbox: Sandbox,
    program: Program,
    cases: Sequence[Case],
    *,
    limits: Limits = _LIMITS,
    files: Mapping[str, bytes] = {},
    tolerance: Tolerance | None = None,
    repeat: int = 1,
) -> Judgement:
    """Run a program on every case and compare what came back.

    All cases share one fresh process and its limits. With ``repeat`` above 1 the program is run
    that many times and fails if a value or an error differs from one run to the next. Undecided if
    there are no cases, or if the sandbox refused to run. Never raises for what the program does.
    """
    if not cases:
        return undecided(End.REFUSED, "there are no cases, so that nothing would be tested")
    inputs = [case.inputs for case in cases]
    outcomes = [run_fairly(sandbox, program, inputs, files, limits) for _ in range(max(1, repeat))]
    outcome = outcomes[0]
    for other in outcomes:
        if other.end is End.REFUSED or len(other.results) != len(cases):
            return undecided(End.REFUSED, other.reason or "the sandbox gave no results")
    script = not program.entry
    right = tuple(
        _right(case, result, script, tolerance)
        for case, result in zip(cases, outcome.results, strict=True)
    )
    if not all(right):
        at = right.index(False)
        failure = _explain(program, at, cases[at], outcome.results[at], outcome)
        return Judgement(Ruling.FAILED, outcome.end, right, failure)
    for other in outcomes:
        if other.end is not End.OK:
            failure = Failure(-1, message=word(other.end))
            return Judgement(Ruling.FAILED, other.end, right, failure)
        if at := _first_change(outcome, other):
            failure = Failure(
                at - 1,
                show_call(program, cases[at - 1].inputs),
                message="another run of the same program gave another result",
            )
            return Judgement(Ruling.FAILED, outcome.end, right, failure)
    return Judgement(Ruling.PASSED, End.OK, right)


def run_fairly(
    sandbox: Sandbox,
    program: Program,
    inputs: Sequence[Sequence[Value] | str],
    files: Mapping[str, bytes] = {},
    limits: Limits = _LIMITS,
) -> Outcome:
    """Run a program so that a busy machine does not decide: the budget is CPU time.

    A program that the clock stopped while it was at work, with CPU time left, is run again with
    ``PATIENCE`` times the time on the clock. One that slept is not: it used next to no CPU.
    """
    outcome = sandbox.run(program, inputs, files, limits)
    used = outcome.usage
    if (
        outcome.end is End.TIMEOUT
        and used.cpu_s < 0.9 * limits.cpu_s
        and used.cpu_s > _IDLE * used.wall_s
    ):
        patient = replace(limits, wall_s=limits.wall_s * PATIENCE)
        again = sandbox.run(program, inputs, files, patient)
        return outcome if again.end is End.REFUSED else again
    return outcome


def show_call(program: Program, inputs: Sequence[Value] | str) -> str:
    """Return a call as text, e.g. ``f([1, 2], 3)``; of a script, its standard input."""
    if isinstance(inputs, str):
        return f"standard input {show(inputs)}"
    return cut(f"{program.entry}({', '.join(show(value) for value in inputs)})", 400)


def _right(case: Case, result: Result, script: bool, tolerance: Tolerance | None) -> bool:
    if result.end is not End.OK:
        return False
    if script:
        both = type(case.expected) is str and type(result.value) is str
        return both and _lines(str(case.expected)) == _lines(str(result.value))
    return equal(case.expected, result.value, tolerance)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _first_change(one: Outcome, other: Outcome) -> int:
    """Return the number, from 1, of the first result that differs; 0 if none does."""
    for number, (a, b) in enumerate(zip(one.results, other.results, strict=True), 1):
        if (a.end, a.error) != (b.end, b.error) or not equal(a.value, b.value, nan=True):
            return number
    return 0


def _explain(program: Program, at: int, case: Case, result: Result, outcome: Outcome) -> Failure:
    call, expected = show_call(program, case.inputs), show(case.expected)
    if result.end is End.OK:
        return Failure(at, call, expected, show(result.value))
    message = cut(result.message, 300) or (
        "" if result.error else outcome.reason or word(result.end)
    )
    return Failure(at, call, expected, "", result.error, message, result.line)
