"""Requests out of range are refused; reports are data that nothing can be smuggled through."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from ratchet.sandbox import wire
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import End, Limits, Program, Usage

BYTES: Any = b"1"
IDENTITY = Program("def f(x=1): return x", "f")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[LocalSandbox]:
    with open_sandbox(workers=1) as opened:
        yield opened


@pytest.mark.parametrize(
    "limits",
    [
        Limits(cpu_s=0), Limits(cpu_s=math.nan), Limits(wall_s=math.inf), Limits(memory=2**20),
        Limits(processes=0), Limits(output=-1), Limits(scratch=0), Limits(open_files=3),
        Limits(values=2**40), Limits(cpu_s=True), Limits(memory=2.0**28),  # type: ignore[arg-type]
        Limits(memory=10**400), Limits(cpu_s=10**400),
        Limits(wall_s="5"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_limits_out_of_range_are_refused(sandbox: LocalSandbox, limits: Limits) -> None:
    outcome = sandbox.run(IDENTITY, limits=limits)
    assert outcome.end is End.REFUSED and "limits." in outcome.reason
    assert outcome.results == ()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/x", "../x", "a/../../x", "", ".", "a//b", "a/", "nul\0", "x" * 300, "a/b" * 400,
        "\ud800", "./a", 3,
    ],
)  # fmt: skip
def test_paths_that_leave_the_folder_are_refused(sandbox: LocalSandbox, path: Any) -> None:
    outcome = sandbox.run(IDENTITY, files={path: b"x"})
    assert outcome.end is End.REFUSED and "file" in outcome.reason


@pytest.mark.parametrize(
    "files",
    [
        {"a": b"", "a/b": b""},
        {"a": "text"},
        {"a": b"x" * 2**25},
        {str(k): b"" for k in range(2000)},
    ],
)
def test_files_that_cannot_be_are_refused(sandbox: LocalSandbox, files: Any) -> None:
    assert sandbox.run(IDENTITY, files=files).end is End.REFUSED


@pytest.mark.parametrize(
    ("program", "inputs"),
    [
        (IDENTITY, ["text"]), (IDENTITY, [({1: 2},)]), (IDENTITY, [(b"x",)]), (IDENTITY, [5]),
        (IDENTITY, [({1},)]), (Program("1"), [(1,)]), (Program("1"), []), (Program(BYTES), [""]),
        (Program("x" * 5 * 2**20, "f"), [()]), (None, [()]), (IDENTITY, None),
        (IDENTITY, [(10**5000,)]), (IDENTITY, 3),
    ],
)  # fmt: skip
def test_inputs_that_are_not_plain_are_refused(
    sandbox: LocalSandbox, program: Any, inputs: Any
) -> None:
    assert sandbox.run(program, inputs).end is End.REFUSED


def report(frames: list[str], why: str = "exit", code: int = 0, nonce: str = "n") -> bytes:
    data = b"ready 1\n" + "".join(f"{line}\n" for line in frames).encode()
    leg = {"why": why, "code": code, "nonce": nonce, "sizes": [0, 0, len(data)]}
    head = {"problem": "", "cpu_s": 0.0, "wall_s": 0.0, "memory": 0, "legs": [leg]}
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + data


def ok(index: object, value: object = 1) -> str:
    return "n " + json.dumps({"input": index, "end": "ok", "value": value})


DONE = 'n {"done": 2}'


def test_frames_in_order_to_the_end_count() -> None:
    outcome = wire.outcome(report([ok(0, 5), ok(1, 6), DONE]), IDENTITY, 2, Limits())
    assert outcome.end is End.OK
    assert [r.value for r in outcome.results] == [5, 6]


@pytest.mark.parametrize(
    "frames",
    [
        [ok(0), ok(0), DONE],
        [ok(1), ok(0), DONE],
        [ok(0), ok(1), ok(2), DONE],
        [ok(0), ok(1), DONE, ok(1)],
        [ok(0), ok(1), DONE, DONE],
        [ok(0), DONE],
        [ok(0), ok(1), 'n {"done": 1}'],
        [ok(True), ok(1), DONE],
        [ok(0.0), ok(1), DONE],
        ["x" + ok(0)[1:], ok(1), DONE],
        ["", ok(0), ok(1), DONE],
        ["n [1]", ok(1), DONE],
        ["n {", ok(1), DONE],
        ['n {"input": 0, "end": "passed", "value": 1}', ok(1), DONE],
        ['n {"input": 0, "end": "ok", "value": 1, "passed": true}', ok(1), DONE],
        ['n {"input": 0, "end": "error", "error": 1, "message": "", "line": 0}', ok(1), DONE],
        ["n " + "[" * 100_000, ok(1), DONE],
        ['n {"input": 0, "end": "ok", "value": ' + "[" * 900 + "]" * 900 + "}", ok(1), DONE],
    ],
)
def test_a_frame_out_of_place_makes_every_result_an_error(frames: list[str]) -> None:
    outcome = wire.outcome(report(frames), IDENTITY, 2, Limits())
    assert outcome.end is End.ERROR
    assert [r.end for r in outcome.results] == [End.ERROR] * 2
    assert {r.error for r in outcome.results} == {"ChannelError"}


@pytest.mark.parametrize(("why", "code"), [("exit", 1), ("signal", 9), ("cpu", 0), ("memory", 0)])
def test_a_claim_to_be_done_without_a_clean_end_counts_for_nothing(why: str, code: int) -> None:
    outcome = wire.outcome(report([ok(0), ok(1), DONE], why, code), IDENTITY, 2, Limits())
    assert outcome.end is not End.OK
    assert all(r.end is not End.OK for r in outcome.results)


def test_a_clean_exit_without_the_last_frame_is_an_early_exit() -> None:
    outcome = wire.outcome(report([ok(0), ok(1)]), IDENTITY, 2, Limits())
    assert outcome.end is End.ERROR and "exit code 0" in outcome.reason


def test_a_script_cannot_send_a_value() -> None:
    frames = [ok(0, "forged"), 'n {"done": 1}']
    outcome = wire.outcome(report(frames), Program("print()"), 1, Limits())
    assert outcome.results[0].value == ""


FORGE = """
import gc, os, sys
def f(x):
    text = repr(sys._getframe(1).f_locals["channel"].nonce)[1:-1]
    for line in {lines}:
        os.write(3, (text + " " + line + "\\n").encode())
    return 7
"""


@pytest.mark.parametrize(
    "lines",
    [
        ['{"input": 0, "end": "ok", "value": 42}'],
        ['{"input": 1, "end": "ok", "value": 42}'],
        ['{"done": 2}'],
        [
            '{"input": 0, "end": "ok", "value": 1}',
            '{"input": 1, "end": "ok", "value": 1}',
            '{"done": 2}',
        ],
    ],
)
def test_a_program_that_writes_frames_itself_gets_errors(
    sandbox: LocalSandbox, lines: list[str]
) -> None:
    outcome = sandbox.run(Program(FORGE.replace("{lines}", repr(lines)), "f"), [(1,), (2,)])
    assert outcome.end is End.ERROR
    assert [r.error for r in outcome.results] == ["ChannelError"] * 2


@pytest.mark.parametrize("descriptor", range(3, 12))
def test_junk_on_any_descriptor_gains_nothing(sandbox: LocalSandbox, descriptor: int) -> None:
    source = f"""
import os
def f(x):
    try:
        os.write({descriptor}, b'0 {{"input": 0, "end": "ok", "value": 42}}\\n')
    except OSError as error:
        return error.errno
"""
    (result,) = sandbox.run(Program(source, "f"), [(1,)]).results
    assert result.error == "ChannelError" if descriptor == 3 else result.value == 9


def test_closing_every_descriptor_gains_nothing(sandbox: LocalSandbox) -> None:
    program = Program("import os\ndef f():\n    os.closerange(0, 256)\n    return 1", "f")
    outcome = sandbox.run(program)
    assert outcome.end is End.ERROR


def test_the_largest_report_is_bounded() -> None:
    limits = Limits(output=10, values=10)
    assert wire.largest_report(limits, 3) < 200_000
    assert wire.killed(2).end is End.KILLED
    assert Usage() == wire.refused("x").usage
