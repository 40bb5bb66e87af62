from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.sandbox.check import Check, foresee, judge_check
from ratchet.sandbox.fake import FakeSandbox, ends
from ratchet.sandbox.feedback import feedback
from ratchet.sandbox.inside.tags import NotPlainValue, decode, encode
from ratchet.sandbox.judgement import Judgement, Ruling
from ratchet.sandbox.protocol import End, Limits, Outcome, Program, Sandbox, Value

QUICK = Limits(cpu_s=0.3, wall_s=5.0)


def check(body: str, support: str = "") -> Check:
    return Check("def check(candidate):\n    " + body.replace("\n", "\n    "), "f", support)


def judge(sandbox: Sandbox, source: str, body: str, support: str = "") -> Judgement:
    return judge_check(sandbox, source, check(body, support), limits=QUICK)


class Counting:
    """A sandbox that counts the runs."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.inner, self.capability, self.sources = sandbox, sandbox.capability, list[str]()

    def run(self, program: Program, *arguments: Any, **keywords: Any) -> Outcome:
        self.sources.append(program.source)
        return self.inner.run(program, *arguments, **keywords)

    def close(self) -> None:
        self.inner.close()


def test_a_right_program_passes_in_three_runs(sandbox: Sandbox) -> None:
    counting = Counting(sandbox)
    body = "assert candidate(1) == 2\nassert candidate(2) == 3\nfor i in range(9): candidate(i)"
    judged = judge(counting, "def f(x): return x + 1", body)
    assert judged.passed and judged.cases == (True,) * 11
    assert len(counting.sources) == 3


def test_candidate_and_tests_never_meet(sandbox: Sandbox) -> None:
    counting = Counting(sandbox)
    judge(counting, "MARK_OF_CANDIDATE = 1\ndef f(x): return x", "assert candidate(31337) == 4242")
    for source in counting.sources:
        assert ("MARK_OF_CANDIDATE" in source) != ("4242" in source)


def test_a_wrong_value_is_told(sandbox: Sandbox) -> None:
    body = "assert candidate([1, 2], k=3) == 6, candidate('again')\nassert candidate([0], k=0) == 0"
    judged = judge(sandbox, "def f(x, k): return sum(x)", body)
    assert judged.ruling is Ruling.FAILED and judged.end is End.OK and judged.cases == (False,)
    assert feedback(judged) == (
        "Failed on test 1.\nCall: f([1, 2], k=3)\n"
        "Expected: assert candidate([1, 2], k=3) == 6\nGot: 3"
    )


def test_an_error_of_the_candidate_is_told(sandbox: Sandbox) -> None:
    judged = judge(sandbox, "def f(x):\n    return x.nothing", "assert candidate(1) == 2")
    assert judged.end is End.ERROR
    assert "AttributeError (line 2)" in feedback(judged)


@pytest.mark.parametrize(
    "value",
    ["(1, (2, 3))", "{1, 2}", "{(1, 2): 'a'}", "b'ab'", "1j", "frozenset({'a'})", "[(None,)]"],
)
def test_types_cross_whole(sandbox: Sandbox, value: str) -> None:
    body = f"x = candidate({value})\nassert x == {value} and type(x) is type({value})"
    assert judge(sandbox, "def f(x): return x", body).passed


def test_calls_may_depend_on_answers(sandbox: Sandbox) -> None:
    body = "x = 1\nwhile x < 100: x = candidate(x)\nassert x == 128"
    assert judge(sandbox, "def f(x): return 2 * x", body).passed
    body = "assert candidate(candidate(candidate(1))) == 8"
    assert judge(sandbox, "def f(x): return 2 * x", body).passed
    assert not judge(sandbox, "def f(x): return 3 * x", body).passed


def test_a_wrong_guess_decides_nothing(sandbox: Sandbox) -> None:
    """What is foreseen (an unknown answer is true) is not what happens, and hangs."""
    body = "if candidate(1): candidate(0)\nassert candidate(2) == 0"
    source = "def f(x):\n    while x == 0: pass\n    return 0"
    assert judge(sandbox, source, body).passed


def test_state_lives_on_from_call_to_call(sandbox: Sandbox) -> None:
    source = "n = 0\ndef f():\n    global n\n    n += 1\n    return n"
    body = "assert [candidate() for _ in range(3)] == [1, 2, 3]\nif candidate() == 4: candidate()"
    assert judge(sandbox, source, body).passed


def test_expected_errors_can_be_asked_for(sandbox: Sandbox) -> None:
    body = (
        "try: candidate(0)\nexcept ZeroDivisionError: ok = True\nelse: ok = False\n"
        "assert ok and candidate(1) == 1"
    )
    assert judge(sandbox, "def f(x): return 1 // x", body).passed
    assert not judge(sandbox, "def f(x): return 1", body).passed


@pytest.mark.parametrize(
    "ending",
    ["os._exit(0)", "sys.exit(0)", "os.abort()", "return object()", "raise KeyboardInterrupt"],
)
def test_an_early_end_is_no_error_to_be_asked_for(sandbox: Sandbox, ending: str) -> None:
    body = "try: candidate(0)\nexcept BaseException: pass\ntry: candidate(1)\nexcept: pass"
    source = f"import os, sys\ndef f(x):\n    {ending}"
    assert judge(sandbox, source, body).ruling is Ruling.FAILED


def test_a_process_that_ends_badly_after_the_last_call_fails(sandbox: Sandbox) -> None:
    source = "import atexit, os\natexit.register(os.abort)\ndef f(x): return x"
    judged = judge(sandbox, source, "assert candidate(1) == 1")
    assert judged.ruling is Ruling.FAILED


def test_helpers_of_the_prompt_are_the_trusted_ones(sandbox: Sandbox) -> None:
    body = "assert inverse(candidate(5)) == 5"
    support = "def inverse(x): return x - 1\ndef f(x): pass"
    assert judge(sandbox, "def f(x): return x + 1", body, support).passed
    forged = "def inverse(x): return 5\ndef f(x): return 0"
    assert judge(sandbox, forged, body, support).ruling is Ruling.FAILED


def test_statements_without_a_function_are_a_check(sandbox: Sandbox) -> None:
    tests = Check("assert f(1) == 2\nassert f(2) == 3", "f")
    assert judge_check(sandbox, "def f(x): return x + 1", tests).passed
    failed = judge_check(sandbox, "def f(x): return 2", tests)
    assert failed.failure is not None and failed.failure.expected == "assert f(2) == 3"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("pass", "never call"),
        ("assert False", "never call"),
        ("candidate(len)", "not data"),
        ("while True: pass", "no end"),
        ("candidate(", "cannot be read"),
        ("(" * 300, "cannot be read"),
        ("undefined\ncandidate(1)", "undefined"),
    ],
)
def test_broken_tests_decide_nothing(sandbox: Sandbox, body: str, says: str) -> None:
    judged = judge(sandbox, "def f(x): return x", body)
    assert judged.ruling is Ruling.UNDECIDED
    assert says in feedback(judged)


def test_a_value_that_hangs_the_tests_fails_its_program(sandbox: Sandbox) -> None:
    body = "n = candidate(1)\nwhile n != 1: n += 0\nassert n == 1"
    assert judge(sandbox, "def f(x): return 1", body).passed
    judged = judge(sandbox, "def f(x): return 2", body)
    assert judged.ruling is Ruling.FAILED and "no end on its values" in feedback(judged)


def test_too_many_rounds_decide_nothing(sandbox: Sandbox) -> None:
    body = "x = 1\nwhile x < 100: x = candidate(x)\nassert x == 128"
    judged = judge_check(sandbox, "def f(x): return 2 * x", check(body), rounds=3)
    assert judged.ruling is Ruling.UNDECIDED and "3 rounds" in feedback(judged)


def test_what_was_foreseen_serves_every_candidate(sandbox: Sandbox) -> None:
    tests = check("assert candidate(1) == 2\nassert candidate(2) == 3")
    calls = foresee(sandbox, tests)
    assert calls == ([[1], {}], [[2], {}])
    counting = Counting(sandbox)
    assert judge_check(counting, "def f(x): return x + 1", tests, foreseen=calls).passed
    assert len(counting.sources) == 2
    wrong: list[Any] = [[[7], {}], [[8], {}]]
    assert judge_check(sandbox, "def f(x): return x + 1", tests, foreseen=wrong).passed


def test_random_tests_are_the_same_every_time(sandbox: Sandbox) -> None:
    body = (
        "import random\nfor _ in range(20):\n    n = random.randint(0, 10**9)\n"
        "    assert candidate(n) == n"
    )
    counting = Counting(sandbox)
    assert judge(counting, "def f(x): return x", body).passed and len(counting.sources) == 3


def test_names_of_the_candidate_do_not_disturb(sandbox: Sandbox) -> None:
    source = (
        "from __future__ import annotations\n"
        "type = list = dict = tuple = str = repr = sorted = globals\n"
        "def encode(x): return 'mine'\ndef decode(x): return 'mine'\ndef call(x): return 'mine'\n"
        "def f(x): return (encode(x), 1)  # no newline at the end"
    )
    assert judge(sandbox, source, "assert candidate({1: (2,)}) == ('mine', 1)").passed


def test_a_refusal_decides_nothing() -> None:
    fake = FakeSandbox(lambda run: ends(End.REFUSED, 0, message="closed"))
    assert judge(fake, "def f(x): return x", "candidate(1)").ruling is Ruling.UNDECIDED


def test_repeating_finds_chance(sandbox: Sandbox) -> None:
    body = "assert 0 <= candidate() <= 1"
    tests = check(body)
    steady = judge_check(sandbox, "def f(): return 0.5", tests, repeat=2)
    assert steady.passed
    flaky = "import os\ndef f(): return 2 * (os.urandom(1)[0] < 128)"
    assert not judge_check(sandbox, flaky, tests, repeat=12).passed


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
HASHABLE = st.recursive(
    PLAIN | st.binary(), lambda inner: st.tuples(inner, inner) | st.frozensets(inner), max_leaves=4
)
ANY = st.recursive(
    HASHABLE | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.sets(HASHABLE, max_size=3)
        | st.dictionaries(HASHABLE, inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(derandomize=True, max_examples=50)
@given(ANY)
def test_encoded_values_come_back(value: Any) -> None:
    plain: Value = encode(value)
    back = decode(plain)
    assert back == value and type(back) is type(value)


@pytest.mark.parametrize("odd", [object(), len, type("I", (int,), {})(1), range(3), iter([])])
def test_what_is_not_a_value_is_not_encoded(odd: object) -> None:
    with pytest.raises(NotPlainValue):
        encode([odd])


@pytest.mark.parametrize(
    "odd", [{"object": []}, {"eval": ["1"]}, {"dict": [[1]]}, {}, {"a": 1, "b": 2}]
)
def test_what_is_no_encoding_is_not_decoded(odd: Value) -> None:
    with pytest.raises((NotPlainValue, ValueError, TypeError)):
        decode(odd)
