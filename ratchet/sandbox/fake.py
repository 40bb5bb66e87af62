"""``FakeSandbox``: outcomes from a script, for tests of whoever calls a sandbox. It runs nothing.

It keeps the contract of the callers' side (it records what it was given, refuses once closed and
never raises); it cannot pass ``check_sandbox``, which asks that programs really run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ratchet.sandbox.protocol import (
    Capability,
    End,
    Layer,
    Level,
    Limits,
    Outcome,
    Program,
    Result,
    Value,
)

_LIMITS = Limits()


@dataclass(frozen=True)
class Run:
    """One call of ``run``, as it was made."""

    program: Program
    """The program handed over."""
    inputs: tuple[tuple[Value, ...] | str, ...]
    """Its inputs."""
    files: Mapping[str, bytes]
    """Its files."""
    limits: Limits
    """Its limits."""


Script = Callable[[Run], Outcome] | Sequence[Outcome]
"""What a fake answers: a function of the run, or outcomes in the order of the runs."""


class FakeSandbox:
    """A sandbox whose outcomes are written down beforehand.

    A run past the end of a sequence is refused, so that a caller that runs too often is seen.
    """

    def __init__(self, script: Script = (), level: Level = Level.ISOLATED) -> None:
        self.runs: list[Run] = []
        """Every run asked for, refused ones included."""
        self.closed = False
        """Whether ``close`` was called."""
        self._script = script
        self._level = level

    @property
    def capability(self) -> Capability:
        """The level it was made with, and one layer that says what it is."""
        layer = Layer("fake", True, "outcomes come from a script; nothing is ever run")
        return Capability("fake", self._level, (layer,))

    def run(
        self,
        program: Program,
        inputs: Sequence[Sequence[Value] | str] = ((),),
        files: Mapping[str, bytes] = {},
        limits: Limits = _LIMITS,
    ) -> Outcome:
        """Record the run and return the outcome that the script holds for it."""
        given = tuple(i if isinstance(i, str) else tuple(i) for i in inputs)
        run = Run(program, given, dict(files), limits)
        self.runs.append(run)
        if self.closed:
            return ends(End.REFUSED, 0, message="the sandbox is closed")
        if callable(self._script):
            return self._script(run)
        if len(self.runs) > len(self._script):
            message = f"the script holds {len(self._script)} outcomes"
            return ends(End.REFUSED, 0, message=message)
        return self._script[len(self.runs) - 1]

    def close(self) -> None:
        """Refuse every later run."""
        self.closed = True


def returns(*values: Value, stdout: str = "") -> Outcome:
    """Return the outcome of a program that gave one value per input."""
    return Outcome(End.OK, tuple(Result(End.OK, value) for value in values), stdout)


def ends(end: End, n: int = 1, *, error: str = "", message: str = "", line: int = 0) -> Outcome:
    """Return the outcome of a program whose n inputs all came to the same bad end."""
    return Outcome(end, (Result(end, None, error, message, line),) * n, reason=message or str(end))
