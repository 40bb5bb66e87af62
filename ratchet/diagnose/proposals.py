"""Probes of the proposer: does it still write tasks, and different ones; are the labels right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.core.findings import Continue, Finding, Restart
from ratchet.core.records import Evaluation, Trace, Transition
from ratchet.core.state import State
from ratchet.core.task import Attempt, StopReason, Task, Verdict

Records = Sequence[Trace | Evaluation | Transition]


@dataclass(frozen=True)
class NoValidProposals:
    """Fires when a generation's proposals hold no single valid task; restarts the proposer."""

    role: str = "proposer"
    name: str = "no_valid_proposals"

    def measure(self, window: Sequence[Records], state: State) -> Finding | None:
        """Look at the newest generation."""
        traces = _of_role(window, self.role)
        if not traces or any(trace.verdict.passed for trace in traces):
            return None
        return Finding(
            self.name,
            f"none of {len(traces)} proposals was a task; the proposer starts afresh",
            Restart(self.role),
            {"proposals": len(traces)},
        )

    def planted(self) -> Sequence[Records]:
        """Return a generation of invalid proposals."""
        return [[_plant(self.role, f"word {i}", False) for i in range(8)]]


@dataclass(frozen=True)
class RepeatedProposals:
    """Fires when too few of a generation's valid proposals differ; restarts the proposer."""

    role: str = "proposer"
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
            Restart(self.role),
            {"distinct_share": share, "proposals": len(texts)},
        )

    def planted(self) -> Sequence[Records]:
        """Return a generation of one proposal said over and over."""
        return [[_plant(self.role, "1 + 1", True) for _ in range(self.least_proposals)]]


@dataclass(frozen=True)
class WrongLabels:
    """Fires when too few labels agree with computed truth (measure ``label_right`` of traces)."""

    role: str = "solver"
    least: float = 0.7
    """Below about 0.65 to 0.7 uncertainty-seeking makes a solver worse (Agent0 simulations)."""
    name: str = "wrong_labels"

    def measure(self, window: Sequence[Records], state: State) -> Finding | None:
        """Look at the newest generation, task by task."""
        right = {
            t.task.id: t.measures["label_right"]
            for t in _of_role(window, self.role)
            if "label_right" in t.measures
        }
        if not right or sum(right.values()) / len(right) >= self.least:
            return None
        accuracy = sum(right.values()) / len(right)
        return Finding(
            self.name,
            f"{accuracy:.0%} of {len(right)} labels are right, below {self.least:.0%}",
            Continue(),
            {"label_accuracy": accuracy, "labels": len(right)},
        )

    def planted(self) -> Sequence[Records]:
        """Return a generation in which every label is wrong."""
        return [
            [_plant(self.role, f"{i} + 1", True, {"label_right": 0.0}, str(i)) for i in range(8)]
        ]


def _of_role(window: Sequence[Records], role: str) -> list[Trace]:
    return [r for r in window[-1] if isinstance(r, Trace) and r.role == role] if window else []


def _plant(
    role: str, text: str, passed: bool, measures: dict[str, float] | None = None, task: str = "task"
) -> Trace:
    return Trace(
        Task(task, "planted", "", "planted", 1),
        Attempt(task, "planted", (), text, StopReason.END),
        Verdict(float(passed), passed, passed, "exact"),
        role,
        measures or {},
    )
