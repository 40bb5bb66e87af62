from __future__ import annotations

from ratchet.sandbox.fake import FakeSandbox, Run, ends, returns
from ratchet.sandbox.protocol import End, Level, Limits, Outcome, Program, Result, Sandbox

PROGRAM = Program("never executed(", "f")


def test_outcomes_come_in_the_order_of_the_script() -> None:
    fake = FakeSandbox([returns(1, "a"), ends(End.TIMEOUT, 2)])
    assert fake.run(PROGRAM, [(1,), (2,)]).results == (Result(End.OK, 1), Result(End.OK, "a"))
    assert fake.run(PROGRAM, [(1,), (2,)]).end is End.TIMEOUT
    assert [run.inputs for run in fake.runs] == [((1,), (2,))] * 2


def test_a_run_too_many_is_refused() -> None:
    fake = FakeSandbox([returns(1)])
    fake.run(PROGRAM)
    again = fake.run(PROGRAM)
    assert again.end is End.REFUSED and "1 outcomes" in again.reason


def test_a_function_sees_the_run() -> None:
    limits = Limits(cpu_s=1.5)

    def script(run: Run) -> Outcome:
        assert run == Run(PROGRAM, ("in",), {"a": b"b"}, limits)
        return returns(run.program.entry)

    fake = FakeSandbox(script)
    assert fake.run(PROGRAM, ["in"], {"a": b"b"}, limits).results[0].value == "f"


def test_once_closed_it_refuses() -> None:
    fake: Sandbox = FakeSandbox([returns(1)])
    fake.close()
    fake.close()
    assert fake.run(PROGRAM).end is End.REFUSED


def test_it_says_what_it_is() -> None:
    capability = FakeSandbox(level=Level.CONFINED).capability
    assert capability.level is Level.CONFINED and capability.provider == "fake"
