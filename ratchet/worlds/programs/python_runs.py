"""Runs of Python functions in the sandbox: what they give, twice, and on a battery of inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ratchet.core.codec import hash_text
from ratchet.sandbox.compare import equal
from ratchet.sandbox.judge import run_fairly
from ratchet.sandbox.protocol import End, Limits, Program, Result, Sandbox, Value
from ratchet.worlds.programs.problem import LISTS, NUMBERS
from ratchet.worlds.programs.python_source import canonical_value, read_literal, write_literal
from ratchet.worlds.programs.reasons import Reason

LIMITS = Limits(cpu_s=1.0, wall_s=5.0, values=2**16)
_TEXTS: tuple[Value, ...] = ("", "a", "abc", "Hello", "a b", "12", "zyx zyx")
_LISTS: tuple[list[Value], ...] = tuple([*one] for one in LISTS if isinstance(one, tuple))
BATTERY: tuple[Value, ...] = (*(n for n in NUMBERS if isinstance(n, int)), *_LISTS, *_TEXTS)
"""Held-out inputs: a function is what it does on these."""
_RUNS = 8_192
"""Most runs that are kept."""

Output = tuple[Value] | None
"""A value in a tuple of its own; None where there was none."""


class Refused(Exception):
    """The sandbox did not run a function: nothing can be said of it."""


@dataclass(frozen=True)
class Explored:
    """What a function gives, the same in two runs."""

    outputs: tuple[Output, ...]
    """On the inputs asked about."""
    form: str
    """A hash of what it gives on the battery: values, and the names of errors."""
    on_battery: tuple[Output, ...]
    """What it gives on the battery."""


class Runs:
    """Runs in a sandbox; what was run before is not run again."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._explored = lru_cache(maxsize=_RUNS)(self._explore)
        self._once = lru_cache(maxsize=_RUNS)(self._run_once)

    def explore(self, source: str, inputs: Sequence[Value]) -> Explored | Reason:
        """Run a function twice on inputs and battery. Raises Refused."""
        return self._explored(source, tuple(map(write_literal, inputs)))

    def once(self, source: str, given: Value) -> Output:
        """Return what a function gives on one input. Raises Refused."""
        return self._once(source, write_literal(given))

    def _explore(self, source: str, inputs: tuple[str, ...]) -> Explored | Reason:
        given = [_read(text) for text in inputs]
        first, second = (self._run(source, [*given, *BATTERY]) for _ in range(2))
        if not all(map(_same, first, second)):
            return Reason.NOT_DETERMINISTIC
        size = len(given)
        form = hash_text("\x1f".join(map(_word, first[size:])))
        outputs = tuple(map(_output, first))
        return Explored(outputs[:size], form, outputs[size:])

    def _run_once(self, source: str, given: str) -> Output:
        return _output(self._run(source, [_read(given)])[0])

    def _run(self, source: str, inputs: Sequence[Value]) -> tuple[Result, ...]:
        program = Program(source, "f")
        outcome = run_fairly(self._sandbox, program, [(one,) for one in inputs], {}, LIMITS)
        if outcome.end is End.REFUSED or len(outcome.results) != len(inputs):
            raise Refused(outcome.reason or "the sandbox gave no results")
        return outcome.results


def _read(text: str) -> Value:
    found = read_literal(text)
    return None if found is None else found[0]


def _same(one: Result, other: Result) -> bool:
    return (one.end, one.error) == (other.end, other.error) and equal(
        one.value, other.value, nan=True
    )


def _output(result: Result) -> Output:
    return (result.value,) if result.end is End.OK else None


def _word(result: Result) -> str:
    return canonical_value(result.value) if result.end is End.OK else result.error or result.end
