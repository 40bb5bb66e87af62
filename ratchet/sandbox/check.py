"""Judging a function by tests written as code: ``def check(candidate): assert candidate(1) == 2``.

The tests and the candidate never share an interpreter. The tests run in a sandbox of their own,
where ``candidate`` is a stub that answers from a table; the candidate runs in another, on the
arguments of the calls, and sees neither the tests nor what they expect:

    foresee    the tests run with unknown answers and unasked assertions, to guess their calls
    call       the candidate runs on all these calls, in order, in one fresh process
    verify     the tests run with the answers that came back; a call that is not in the table
               ends them, the calls are foreseen anew from there, and the candidate runs again

Only ``verify`` decides, in a run all of whose answers come from one run of the candidate. Arguments
and results cross as data with their exact types (``inside.tags``). So a candidate that changes its
arguments in place changes nothing for the tests, and ``random`` is seeded in the tests.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ratchet.core.syntax import parse
from ratchet.sandbox.feedback import cut, word
from ratchet.sandbox.judge import run_fairly
from ratchet.sandbox.judgement import Failure, Judgement, Ruling, undecided
from ratchet.sandbox.protocol import End, Limits, Outcome, Program, Result, Sandbox, Value

Call = list[Value]
"""Encoded positional and keyword arguments: ``[[...], {...}]``."""

_LIMITS = Limits()
_AHEAD = 1000
_SEED = 0
_BRIEF_S = 1.0
"""CPU seconds that a guess is worth."""


@dataclass(frozen=True)
class Check:
    """Trusted test code for one function."""

    source: str
    """Defines ``check(candidate)``; or, if it defines no such function, statements that call the
    candidate by its name, e.g. ``assert f(1) == 2``."""
    entry: str
    """Name of the function under test."""
    support: str = ""
    """Trusted code the tests use, e.g. helpers that the prompt gives."""


def foresee(sandbox: Sandbox, check: Check, limits: Limits = _LIMITS) -> tuple[Call, ...]:
    """Return the calls that the tests are likely to make, whoever the candidate is.

    Run it once for tests that judge many candidates and hand the result to ``judge_check``. Empty
    if nothing can be foreseen; that costs time, never a verdict.
    """
    tests = _Tests.read(check)
    return tuple(_foresee(sandbox, tests, (), (), limits)) if isinstance(tests, _Tests) else ()


def judge_check(
    sandbox: Sandbox,
    source: str,
    check: Check,
    *,
    limits: Limits = _LIMITS,
    foreseen: Sequence[Call] | None = None,
    rounds: int = 64,
    repeat: int = 1,
) -> Judgement:
    """Judge a candidate's source by a check.

    ``limits`` hold for the candidate's run over all calls, and again for the tests. Passes only if
    the tests ran to their end and called the candidate at least once. Undecided if the tests do not
    parse, never call, pass what is not data, or need more than ``rounds`` rounds; if they end
    badly on the answers of this candidate only, it has failed. With ``repeat`` above 1 all has to
    come out alike that many times.
    """
    tests = _Tests.read(check)
    if isinstance(tests, str):
        return undecided(End.REFUSED, tests)
    calls = foresee(sandbox, check, limits) if foreseen is None else tuple(foreseen)
    first = _judge(sandbox, source, tests, calls, limits, rounds)
    for _ in range(repeat - 1):
        again = _judge(sandbox, source, tests, calls, limits, rounds)
        if again != first:
            unstable = Failure(-1, message="another run of the same program gave another result")
            return Judgement(Ruling.FAILED, first.end, failure=unstable)
    return first


def _judge(
    sandbox: Sandbox,
    source: str,
    tests: _Tests,
    calls: Sequence[Call],
    limits: Limits,
    rounds: int,
) -> Judgement:
    outcome = Outcome(End.OK)
    guess = bool(calls)  # tests that could not be foreseen once are taken one call at a time
    for _ in range(rounds):
        results: tuple[Result, ...] = ()
        if calls:
            candidate = Program(source + _callee(tests.check.entry), "__ratchet_call__")
            outcome = run_fairly(sandbox, candidate, calls, limits=limits)
            results = outcome.results
            if outcome.end is End.REFUSED or len(results) != len(calls):
                return undecided(End.REFUSED, outcome.reason or "the sandbox gave no results")
        said = _verify(sandbox, tests, calls, results, limits)
        if isinstance(said, Outcome):
            return _tests_ended(sandbox, tests, calls, said, limits)
        if said.get("status") != "unknown":
            return _rule(tests, said, results, outcome)
        made = said.get("made")
        at = said.get("at")
        if type(made) is not list or type(at) is not int:
            return undecided(End.ERROR, "the tests gave no verdict")
        known = made[:at]
        ahead = _foresee(sandbox, tests, known, results[:at], limits) if guess else []
        calls = ahead if ahead[: at + 1] == made else [call for call in made if type(call) is list]
    return undecided(End.TIMEOUT, f"the tests were not through after {rounds} rounds")


@dataclass(frozen=True)
class _Tests:
    """A check in the two forms in which it runs."""

    check: Check
    plain: str
    """As it is, without the messages of its assertions."""
    unasked: str
    """With every asserted expression evaluated and its truth ignored."""

    @staticmethod
    @cache
    def read(check: Check) -> _Tests | str:
        """Return both forms, or why the text cannot be read. Nothing of it is executed."""
        try:
            tree = parse(check.source)
            named = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
            if not any(node.name == "check" for node in named):
                tree = ast.Module([_wrap(tree.body)], [])
            plain = ast.unparse(ast.fix_missing_locations(_Bare().visit(tree)))
            tree = parse(plain)
            unasked = ast.unparse(ast.fix_missing_locations(_Unasked().visit(tree)))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return f"the tests cannot be read: {error}"
        return _Tests(check, plain, unasked)

    def program(self, unasked: bool) -> Program:
        """Return the program that runs the check on the stub."""
        body = self.check.support + "\n\n" + (self.unasked if unasked else self.plain)
        return Program(body + _checker(self.check.entry), "__ratchet_run__")

    def statement(self, line: int) -> str:
        """Return the line of the check that has this number in its program."""
        at = line - 1 - (self.check.support + "\n\n").count("\n")
        lines = self.plain.split("\n")
        return cut(lines[at].strip(), 300) if 0 <= at < len(lines) else ""


def _wrap(body: list[ast.stmt]) -> ast.stmt:
    """Return ``def check(candidate)`` around statements."""
    (function,) = parse("def check(candidate):\n    pass").body
    assert isinstance(function, ast.FunctionDef)
    function.body = [*body, *function.body]
    return function


class _Bare(ast.NodeTransformer):
    """Drops the messages of assertions: evaluating one may call the candidate again."""

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        """Return the assertion alone."""
        return ast.Assert(node.test)


class _Unasked(ast.NodeTransformer):
    """Evaluates what is asserted and ignores what it says."""

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        """Return the expression in a statement that goes on whatever it raises."""
        handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
        return ast.Try([ast.Expr(node.test)], [handler], [], [])


def _foresee(
    sandbox: Sandbox,
    tests: _Tests,
    known: Sequence[Value],
    results: Sequence[Result],
    limits: Limits,
) -> list[Call]:
    inputs: list[Value] = ["foresee", list(known), _table(results), _AHEAD, _SEED]
    brief = replace(limits, cpu_s=min(limits.cpu_s, _BRIEF_S))
    outcome = sandbox.run(tests.program(True), [inputs], limits=brief)
    if outcome.end is not End.OK or len(outcome.results) != 1:
        return []
    made = outcome.results[0].value
    return [call for call in made if type(call) is list] if type(made) is list else []


def _verify(
    sandbox: Sandbox,
    tests: _Tests,
    calls: Sequence[Call],
    results: Sequence[Result],
    limits: Limits,
) -> dict[str, Value] | Outcome:
    """Return what the check said, or the outcome if it came to no end."""
    inputs: list[Value] = ["verify", list(calls), _table(results), 0, _SEED]
    outcome = run_fairly(sandbox, tests.program(False), [inputs], limits=limits)
    if outcome.end is not End.OK or len(outcome.results) != 1:
        return outcome
    said = outcome.results[0].value
    return said if type(said) is dict else outcome


def _table(results: Sequence[Result]) -> list[Value]:
    return [
        {
            "end": str(result.end),
            "value": result.value,
            "error": result.error,
            "message": result.message[:500],
        }
        for result in results
    ]


def _rule(
    tests: _Tests, said: dict[str, Value], results: Sequence[Result], outcome: Outcome
) -> Judgement:
    status, made = said.get("status"), said.get("calls")
    if type(made) is not int or not 0 < made <= len(results):
        return undecided(End.ERROR, _text(said, "message") or "the tests never call the function")
    done = (True,) * (made - 1)
    if status == "passed" and outcome.end is not End.OK and _all_well(results):
        failure = Failure(-1, message=outcome.reason or word(outcome.end))
        return Judgement(Ruling.FAILED, outcome.end, (*done, True), failure)
    if status == "passed":
        return Judgement(Ruling.PASSED, End.OK, (*done, True))
    if status == "unplain":
        return undecided(End.ERROR, _text(said, "message"))
    result = results[made - 1]
    line = said.get("line")
    wanted = tests.statement(line) if type(line) is int else ""
    call, got = _text(said, "call"), _text(said, "got")
    if result.end is not End.OK:
        message = cut(result.message, 300) or (
            "" if result.error else outcome.reason or word(result.end)
        )
        failure = Failure(made - 1, call, wanted, "", result.error, message, result.line)
        return Judgement(Ruling.FAILED, result.end, (*done, False), failure)
    message = _text(said, "message")
    if said.get("error") not in (None, "AssertionError"):
        message = f"{_text(said, 'error')}: {message}"
    failure = Failure(made - 1, call, wanted, got, message=message)
    return Judgement(Ruling.FAILED, End.OK, (*done, False), failure)


def _all_well(results: Sequence[Result]) -> bool:
    """Whether every call came back, so that it is the process that did not end well."""
    return all(result.end is End.OK for result in results)


def _tests_ended(
    sandbox: Sandbox, tests: _Tests, calls: Sequence[Call], ended: Outcome, limits: Limits
) -> Judgement:
    """Return whose fault it is that the tests came to no end: theirs, or these answers'."""
    reason = ended.reason or word(ended.end)
    if ended.end is End.REFUSED:
        return undecided(End.REFUSED, reason)
    if calls and isinstance(_verify(sandbox, tests, (), (), limits), dict):
        failure = Failure(-1, message=f"the tests came to no end on its values: {reason}")
        return Judgement(Ruling.FAILED, ended.end, failure=failure)
    return undecided(ended.end, f"the tests came to no end: {reason}")


def _text(said: dict[str, Value], key: str) -> str:
    value = said.get(key)
    return cut(value, 400) if type(value) is str else ""


@cache
def _inside(name: str) -> str:
    return Path(__file__).with_name("inside").joinpath(f"{name}.py").read_text("utf-8")


def _load(*names: str) -> str:
    """Return statements that run these modules' text in a name space of their own."""
    texts = "".join(f"exec({_inside(name)!r}, __ratchet__)\n" for name in names)
    return f"\n\n__ratchet__ = {{'__name__': 'ratchet'}}\n{texts}"


def _callee(entry: str) -> str:
    return _load("tags", "callee") + (
        "def __ratchet_call__(arguments, keywords):\n"
        f"    function = globals().get({entry!r})\n"
        f"    return __ratchet__['call'](function, {entry!r}, arguments, keywords)\n"
    )


def _checker(entry: str) -> str:
    return _load("tags", "checker") + (
        "def __ratchet_run__(verb, calls, results, ahead, seed):\n"
        f"    given = (globals(), {entry!r}, calls, results, ahead, seed)\n"
        "    return __ratchet__[verb](*given)\n"
    )
