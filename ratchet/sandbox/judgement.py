"""What a judge says: passed, failed or undecided, and the first thing that went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ratchet.sandbox.protocol import End


class Ruling(StrEnum):
    """What was decided about a program."""

    PASSED = "passed"
    """Every test ran, and every one passed."""
    FAILED = "failed"
    """The program did not do what the tests ask."""
    UNDECIDED = "undecided"
    """Nothing was learnt about the program: it was refused, or the tests are broken. Never count
    it as a failure of the program."""


@dataclass(frozen=True)
class Failure:
    """The first thing that went wrong, as text fit for people and models."""

    case: int
    """Which case or call, from 0; -1 if it was none in particular."""
    call: str = ""
    """What it was called with, e.g. ``f([1, 2], 3)``, or the standard input."""
    expected: str = ""
    """The value expected, or the assertion that failed; empty if there is none to show."""
    got: str = ""
    """The value that came back; empty if none did."""
    error: str = ""
    """Type of the error, e.g. ``ZeroDivisionError``; empty if none was raised."""
    message: str = ""
    """Its message, or what happened in words."""
    line: int = 0
    """Line of the program where it was raised; 0 if unknown."""


@dataclass(frozen=True)
class Judgement:
    """A ruling with its grounds. It is a pure function of values and tests, not of timings."""

    ruling: Ruling
    """What was decided."""
    end: End
    """How the program ended; a program may end well and fail."""
    cases: tuple[bool, ...] = ()
    """Which cases passed, in order; of a check function, which calls came back before the
    assertion that failed."""
    failure: Failure | None = None
    """The first failure, or why nothing was decided; None if it passed."""

    @property
    def passed(self) -> bool:
        """Whether every test passed."""
        return self.ruling is Ruling.PASSED

    @property
    def share(self) -> float:
        """Share of the cases that passed, in [0, 1]; 0 if there are none."""
        return sum(self.cases) / len(self.cases) if self.cases else 0.0


def undecided(end: End, message: str) -> Judgement:
    """Return the judgement that nothing was learnt, and why."""
    return Judgement(Ruling.UNDECIDED, end, failure=Failure(-1, message=message))
