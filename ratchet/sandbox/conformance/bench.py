"""What the checks share: one run, what every outcome must be, and how a breach is told."""

from __future__ import annotations

from collections.abc import Callable

from ratchet.core.errors import RatchetError
from ratchet.sandbox.protocol import End, Limits, Outcome, Program, Sandbox

Check = Callable[[Sandbox], None]
"""One check: raises Breach, or anything else, where the sandbox breaks its contract."""

QUICK = Limits(cpu_s=2.0, wall_s=10.0)
"""Limits of a run that needs next to nothing."""


class ConformanceError(RatchetError):
    """A sandbox breaks its contract."""

    def __init__(self, check: str, provider: str, problem: str) -> None:
        super().__init__(
            f"sandbox {provider!r} fails the check {check!r}: {problem}",
            "correct the sandbox, then run check_sandbox again",
        )
        self.check = check
        """Name of the check that failed."""


class Breach(Exception):
    """What is wrong; turned into a ConformanceError where the check's name is known."""


def call(sandbox: Sandbox, source: str, limits: Limits = QUICK) -> Outcome:
    """Run the function ``f`` of a source once, without arguments."""
    outcome = sandbox.run(Program(source, "f"), [()], limits=limits)
    well_formed(outcome, 1)
    return outcome


def ended(outcome: Outcome, end: End, n: int) -> None:
    """Require that n inputs came to this end."""
    well_formed(outcome, n)
    why = outcome.reason or outcome.results[0].message
    require(outcome.end is end, f"it ended as {outcome.end}, not {end}: {why}")


def well_formed(outcome: Outcome, n: int) -> None:
    """Require that an outcome is one, for n inputs, and agrees with itself."""
    require(isinstance(outcome, Outcome), f"run() gave {outcome!r}")
    if outcome.end is End.REFUSED:
        require(not outcome.results, "what was refused has results")
        return
    require(len(outcome.results) == n, f"{n} inputs came to {len(outcome.results)} results")
    good = all(result.end is End.OK for result in outcome.results)
    require(good or outcome.end is not End.OK, "a run is OK and one of its results is not")
    texts = [outcome.stdout, outcome.stderr, outcome.reason]
    for result in outcome.results:
        texts = [*texts, result.error, result.message]
        require(len(result.message) < 10_000, "a message is not cut to length")
    require(all(type(text) is str for text in texts), "a text is no text")


def require(holds: bool, problem: str) -> None:
    """Raise Breach unless it holds."""
    if not holds:
        raise Breach(problem)
