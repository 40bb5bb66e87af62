"""Probes of the proposer: does it still write tasks, and different ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.core.findings import Finding, Restart
from ratchet.core.records import Evaluation, Trace, Transition
from ratchet.core.state import State
from ratchet.core.task import Attempt, StopReason, Task, Verdict

Records = Sequence[Trace | Evaluation | Transition]


@dataclass(frozen=True)
class NoValidProposals:
    """Fires when a generation's proposals hold no single valid task; restarts the proposer."""

    role: str = "proposer"
    component: str = "proposer"
    """What starts afresh."""
    name: str = "no_valid_proposals"

    def measure(self, window: Sequence[Records], state: State) -> Finding | None:
        """Look at the newest generation."""
        traces = _of_role(window, self.role)
        if not traces or any(trace.verdict.passed for trace in traces):
            return None
        return Finding(
            self.name,
            f"none of {len(traces)} proposals was a task; the proposer starts afresh",
            Restart(self.component),
            {"proposals": len(traces)},
        )

    def planted(self) -> Sequence[Records]:
        """Return a generation of invalid proposals."""
        return [[_plant(self.role, f"word {i}", False) for i in range(8)]]


@dataclass(frozen=True)
class RepeatedProposals:
    """Fires when too few of a generation's valid proposals differ; restarts the proposer."""

    role: str = "proposer"
    component: str = "proposer"
    """What starts afresh."""
    least_distinct: float = 0.2
    """Lowest share of distinct texts among valid proposals."""
    least_proposals: int = 16
    """With fewer valid proposals the probe is silent."""
    name: str = "repeated_proposals"

    def measure(self, window: Sequence[Records], state: State) -> Finding | None:
        """Look at the newest generation."""
        texts = [t.attempt.answer for t in _of_role(window, self.role) if t.verdict.passed]
        if len(texts) < self.least_proposals:
            return None
        share = len(set(texts)) / len(texts)
        if share >= self.least_distinct:
            return None
        return Finding(
            self.name,
            f"only {share:.0%} of {len(texts)} valid proposals differ; the proposer starts afresh",
            Restart(self.component),
            {"distinct_share": share, "proposals": len(texts)},
        )

    def planted(self) -> Sequence[Records]:
        """Return a generation of one proposal said over and over."""
        return [[_plant(self.role, "1 + 1", True) for _ in range(self.least_proposals)]]


def _of_role(window: Sequence[Records], role: str) -> list[Trace]:
    return [r for r in window[-1] if isinstance(r, Trace) and r.role == role] if window else []


def _plant(role: str, text: str, passed: bool) -> Trace:
    return Trace(
        Task("task", "planted", "", "planted", 1),
        Attempt("task", "planted", (), text, StopReason.END),
        Verdict(float(passed), passed, passed, "exact"),
        role,
    )
