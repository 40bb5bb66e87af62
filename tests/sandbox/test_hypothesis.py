"""Whatever a program, its inputs, its files and its limits are, ``run`` returns an outcome."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratchet.sandbox.protocol import End, Limits, Outcome, Program, Sandbox

QUICK = Limits(cpu_s=0.5, wall_s=2.0, memory=2**26, output=2**12, values=2**12, scratch=2**16)
SLOWLY = settings(
    derandomize=True,
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from([0, -1, 10**400, True, None, "8", 2**31, 2**63, 0.001, math.nan]),
)
STATEMENTS = st.sampled_from(
    ["os.write({fd}, {data})", "os.close({fd})", "os.dup2({fd}, {n} % 64)", "print({data})",
     "sys.stderr.write(repr({data}) * {n})", "raise ValueError({data})", "os._exit({n} % 256)",
     "x = {data} * {n}", "sys.setrecursionlimit(abs({n}) + 40)", "sys.stdout.close()",
     "open({data}[:20], 'wb').write({data})", "os.kill(os.getpid(), {n} % 65)"]
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def well_formed(outcome: Outcome, n: int, limits: Limits = QUICK) -> None:
    assert isinstance(outcome, Outcome) and isinstance(outcome.end, End)
    if outcome.end is End.REFUSED:
        assert outcome.reason and not outcome.results
        return
    assert len(outcome.results) == n
    assert outcome.end is not End.OK or all(r.end is End.OK for r in outcome.results)
    assert len(outcome.stdout) <= n * limits.output and len(outcome.stderr) <= n * limits.output
    repr(outcome).encode("utf-8")


@SLOWLY
@given(source=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")), entry=st.text())
def test_any_text_is_a_program(sandbox: Sandbox, source: str, entry: str) -> None:
    given: list[Any] = [()] if entry else [""]
    well_formed(sandbox.run(Program(source, entry), given, limits=QUICK), 1)


@SLOWLY
@given(
    lines=st.lists(STATEMENTS, min_size=1, max_size=5),
    data=st.binary(max_size=40),
    fd=st.integers(0, 12),
    n=st.integers(-3, 10**6),
)
def test_any_deed_comes_to_an_outcome(
    sandbox: Sandbox, lines: list[str], data: bytes, fd: int, n: int
) -> None:
    body = "\n    ".join(line.format(data=repr(data), fd=fd, n=n) for line in lines)
    source = f"import os, sys\ndef f(x):\n    {body}\n    return x"
    outcome = sandbox.run(Program(source, "f"), [(1,), (2,)], limits=QUICK)
    well_formed(outcome, 2)
    for result, sent in zip(outcome.results, (1, 2), strict=False):
        assert result.end is not End.OK or result.value == sent


@SLOWLY
@given(fields=st.dictionaries(st.sampled_from(list(Limits.__dataclass_fields__)), NUMBERS))
def test_any_limits_are_kept_or_refused(sandbox: Sandbox, fields: dict[str, Any]) -> None:
    limits = Limits(**{**QUICK.__dict__, **fields})
    outcome = sandbox.run(Program("def f(): return 1", "f"), [()], limits=limits)
    if outcome.end is End.REFUSED:
        assert outcome.reason
    else:
        well_formed(outcome, 1, limits)


@SLOWLY
@given(values=st.lists(VALUES, max_size=3))
def test_any_values_go_in_and_come_out(sandbox: Sandbox, values: list[Any]) -> None:
    outcome = sandbox.run(Program("def f(*x): return x", "f"), [values], limits=QUICK)
    well_formed(outcome, 1)
    if outcome.end is End.OK:
        assert repr(outcome.results[0].value) == repr(values)


@SLOWLY
@given(files=st.dictionaries(st.text(max_size=12), st.binary(max_size=99), max_size=4))
def test_any_files_arrive_or_are_refused(sandbox: Sandbox, files: dict[str, bytes]) -> None:
    source = "def f(names): return [open(n, 'rb').read().hex() for n in names]"
    outcome = sandbox.run(Program(source, "f"), [(list(files),)], files, QUICK)
    well_formed(outcome, 1)
    if outcome.end is not End.REFUSED:
        assert outcome.results[0].value == [data.hex() for data in files.values()]


@pytest.mark.parametrize(
    ("program", "inputs", "files"),
    [
        (None, [()], {}),
        (Program(None, "f"), [()], {}),  # type: ignore[arg-type]
        (Program("x", b"f"), [()], {}),  # type: ignore[arg-type]
        (Program("x", "f"), None, {}),
        (Program("x", "f"), 7, {}),
        (Program("x", "f"), [None], {}),
        (Program("x", "f"), [(object(),)], {}),
        (Program("x", "f"), [(10**5000,)], {}),
        (Program("x", "f"), [({1: 2},)], {}),
        (Program("x", "f"), ["text"], {}),
        (Program("x"), [(1,)], {}),
        (Program("x", "f"), [()], {"a": "text"}),
        (Program("x", "f"), [()], {1: b"x"}),
        (Program("x", "f"), [()], None),
        (Program("x" * 10**8, "f"), [()], {}),
        (Program("x", "f"), [()], {"a": b"x", "a/b": b"y"}),
    ],
)
def test_what_is_no_request_is_refused(
    sandbox: Sandbox, program: Any, inputs: Any, files: Any
) -> None:
    outcome = sandbox.run(program, inputs, files)
    assert outcome.end is End.REFUSED and outcome.reason


@pytest.mark.parametrize("limits", [None, 5, Limits(memory=10**400), Limits(cpu_s="1")])  # type: ignore[arg-type]
def test_what_are_no_limits_is_refused(sandbox: Sandbox, limits: Any) -> None:
    outcome = sandbox.run(Program("def f(): return 1", "f"), [()], limits=limits)
    assert outcome.end is End.REFUSED and outcome.reason


def nested(depth: int) -> Any:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [50, 99, 101, 500, 950, 990, 100_000])
def test_deep_inputs_come_to_an_outcome(sandbox: Sandbox, depth: int) -> None:
    outcome = sandbox.run(Program("def f(x): return 1", "f"), [(nested(depth),)], limits=QUICK)
    assert outcome.end in (End.OK, End.REFUSED)


@pytest.mark.parametrize("depth", [80, 300, 400, 480, 490, 500, 700, 900, 950, 970, 980, 990, 2000])
def test_forged_frames_of_any_depth_come_to_an_outcome(sandbox: Sandbox, depth: int) -> None:
    source = f"""
import os, sys
def f():
    frame = sys._getframe()
    while frame:
        for held in frame.f_locals.values():
            if hasattr(held, "nonce"):
                deep = "[" * {depth} + "]" * {depth}
                text = held.nonce + ' {{"input": 0, "end": "ok", "value": ' + deep + "}}\\n"
                os.write(held.descriptor, text.encode())
                return 1
        frame = frame.f_back
"""
    outcome = sandbox.run(Program(source, "f"), [()], limits=QUICK)
    well_formed(outcome, 1)
    assert outcome.end is not End.OK
