from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ratchet.sandbox.conformance import CHECKS, ConformanceError, check_sandbox
from ratchet.sandbox.fake import FakeSandbox
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import (
    Capability,
    End,
    Level,
    Limits,
    Outcome,
    Program,
    Result,
    Sandbox,
    Value,
)


def test_the_sandbox_of_this_machine_passes() -> None:
    assert check_sandbox(open_sandbox) == list(CHECKS)


class Broken:
    """A right sandbox whose outcomes a function changes."""

    def __init__(
        self,
        inner: LocalSandbox,
        change: Callable[[Outcome], Outcome] = lambda outcome: outcome,
        limits: Callable[[Limits], Limits] = lambda limits: limits,
        prefix: str = "",
    ) -> None:
        self.inner, self.change, self.limits, self.prefix = inner, change, limits, prefix

    @property
    def capability(self) -> Capability:
        return self.inner.capability

    def run(
        self,
        program: Program,
        inputs: Sequence[Sequence[Value] | str] = ((),),
        files: Mapping[str, bytes] = {},
        limits: Limits = Limits(),  # noqa: B008
    ) -> Outcome:
        program = replace(program, source=self.prefix + program.source)
        return self.change(self.inner.run(program, inputs, files, self.limits(limits)))

    def close(self) -> None:
        self.inner.close()


def values(change: Callable[[Any], Any]) -> Callable[[Outcome], Outcome]:
    def apply(outcome: Outcome) -> Outcome:
        results = tuple(
            replace(r, value=change(r.value)) if r.end is End.OK else r for r in outcome.results
        )
        return replace(outcome, results=results)

    return apply


def exits_pass(outcome: Outcome) -> Outcome:
    if len(outcome.results) == 1:
        return outcome
    results = tuple(
        Result(End.OK) if "Exit" in result.error else result for result in outcome.results
    )
    well = bool(results) and all(result.end is End.OK for result in results)
    return replace(outcome, results=results, end=End.OK if well else outcome.end)


def timeouts_are_errors(outcome: Outcome) -> Outcome:
    return replace(outcome, end=End.ERROR) if outcome.end is End.TIMEOUT else outcome


BROKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "true becomes one": ("values", {"change": values(lambda v: 1 if v is True else v)}),
    "nan becomes none": (
        "values",
        {"change": values(lambda v: None if isinstance(v, float) and math.isnan(v) else v)},
    ),
    "a result is lost": ("values", {"change": lambda o: replace(o, results=o.results[:1])}),
    "lines are shifted": ("errors", {"prefix": "\n"}),
    "exits count as passes": ("early_exits", {"change": exits_pass}),
    "timeouts are errors": ("time", {"change": timeouts_are_errors}),
    "limits are ignored": (
        "memory",
        {"limits": lambda given: replace(given, memory=given.memory * 32)},
    ),
    "bad limits are mended": (
        "refusals",
        {"limits": lambda given: replace(given, open_files=max(64, given.open_files))},
    ),
    "the flood comes whole": (
        "output",
        {"limits": lambda given: replace(given, output=given.output * 99)},
    ),
    "standard output is lost": ("streams", {"change": lambda o: replace(o, stdout="")}),
}


QUICKLY = ("true becomes one", "lines are shifted", "bad limits are mended")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICKLY else pytest.mark.slow) for n in BROKEN]
)
def test_a_broken_sandbox_is_found(name: str) -> None:
    check, how = BROKEN[name]
    with pytest.raises(ConformanceError) as caught:
        check_sandbox(lambda: Broken(open_sandbox(), **how))
    assert caught.value.check == check


class Boasting(Broken):
    """Claims a level above its own."""

    @property
    def capability(self) -> Capability:
        return replace(self.inner.capability, level=Level.ISOLATED)


@pytest.mark.slow
def test_a_level_that_is_only_claimed_is_found() -> None:
    with pytest.raises(ConformanceError) as caught:
        check_sandbox(lambda: Boasting(open_sandbox(Level.PROCESS, off=["namespaces", "landlock"])))
    assert caught.value.check in ("confined", "isolated")


class Raises(Broken):
    def run(self, program: Program, *arguments: Any, **keywords: Any) -> Outcome:
        program.source.encode()
        return super().run(program, *arguments, **keywords)


def test_an_exception_is_a_breach() -> None:
    with pytest.raises(ConformanceError, match="UnicodeEncodeError") as caught:
        check_sandbox(lambda: Raises(open_sandbox()))
    assert caught.value.check == "nasty"


def test_a_fake_cannot_pass() -> None:
    fake: Sandbox = FakeSandbox()
    with pytest.raises(ConformanceError):
        check_sandbox(lambda: fake)
