"""Where a run stands: a fold over its ledger. Resuming is nothing but this fold."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ratchet.core.codec import from_data, to_data
from ratchet.core.errors import RunError
from ratchet.core.evidence import Decision, Ending, Verb
from ratchet.core.findings import Finding, Restart, Reweight, Rollback, SetParameter
from ratchet.core.state import Component, State
from ratchet.loop.ledger import Entry
from ratchet.loop.policies import MOMENTS
from ratchet.loop.recipe import Parameter


@dataclass(frozen=True)
class Position:
    """The pointers of a run after its last decision."""

    initial: State
    """The state of generation 0."""
    incumbent: State
    """The deployed state."""
    branch: State
    """The working branch: what the next generation starts from."""
    generation: int = 0
    """Number of the last generation; it never goes back."""
    holds: int = 0
    """Holds in a row."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    """Current values of the recipe's declared parameters."""
    promoted: Mapping[int, State] = field(default_factory=dict)
    """Every state that was ever incumbent, by generation; 0 is the initial one."""
    tests: int = 0
    """Tests of the error budget spent; no rollback gives one back."""
    ending: Ending | None = None
    """Why the run ends here; None: it goes on."""
    pending: State | None = None
    """A candidate that passed and waits for a person's approval."""

    def decide(self, candidate: State, decision: Decision, record_only: bool) -> Position:
        """Return the position after a decision on this candidate."""
        ending = decision.ends or (Ending.HALTED if decision.verb is Verb.HALT else None)
        unmoved = record_only and ending is Ending.NEEDS_APPROVAL
        after = replace(
            self,
            generation=self.generation + 1,
            tests=self.tests + decision.tests,
            ending=None if unmoved else ending,
        )
        if decision.verb is Verb.HALT and not unmoved:
            waits = candidate if ending is Ending.NEEDS_APPROVAL else None
            return replace(after, pending=waits)
        if record_only:
            return replace(after, branch=candidate)
        if decision.verb is Verb.PROMOTE:
            promoted = {**self.promoted, after.generation: candidate}
            return replace(after, incumbent=candidate, branch=candidate, holds=0, promoted=promoted)
        if decision.verb is Verb.HOLD:
            return replace(after, branch=candidate, holds=self.holds + 1)
        return replace(after, branch=self.incumbent, holds=0)

    def approve(self) -> Position:
        """Return the position after a person agreed to the candidate that waits for it."""
        if self.pending is None:
            raise RunError(
                f"generation {self.generation}: nothing waits for approval",
                "use the version of Ratchet that made the run",
            )
        return replace(
            self,
            incumbent=self.pending,
            branch=self.pending,
            holds=0,
            promoted={**self.promoted, self.generation: self.pending},
            ending=None,
            pending=None,
        )

    def return_to(self, stage: Position, fresh: Sequence[str]) -> Position:
        """Return the position after a person went back to the incumbent of an earlier stage, with
        its parameters. Components named ``fresh`` are left out: their files are gone."""
        state = State({n: c for n, c in stage.incumbent.items() if n not in fresh})
        return replace(
            self,
            incumbent=state,
            branch=state,
            holds=0,
            parameters=stage.parameters,
            ending=None,
            pending=None,
        )

    def act(self, findings: Sequence[Finding]) -> Position:
        """Return the position after the findings' actions; reject and halt are the gate's."""
        after = self
        for finding in findings:
            action = finding.action
            if isinstance(action, SetParameter):
                after = after._set({action.parameter: action.value}, finding.name)
            elif isinstance(action, Reweight):
                after = after._set(action.weights, finding.name)
            elif isinstance(action, Restart):
                fresh = _first_version(self.initial, action.component, finding.name)
                after = replace(after, branch=after.branch.replace(**fresh))
            elif isinstance(action, Rollback):
                if action.generation not in self.promoted:
                    raise RunError(
                        f"{finding.name} rolls back to generation {action.generation}, "
                        f"which was never promoted",
                        "correct the probe",
                    )
                state = after._restored(action.generation)
                after = replace(after, incumbent=state, branch=state, holds=0)
        return after

    def _restored(self, generation: int) -> State:
        """Return an earlier incumbent, without moments that were pruned since then."""
        whole = {*self.initial.values(), *self.incumbent.values(), *self.branch.values()}
        state = self.promoted[generation]
        return State({n: c for n, c in state.items() if c.kind != MOMENTS or c in whole})

    def _set(self, values: Mapping[str, Parameter], finding: str) -> Position:
        for name in values:
            if name not in self.parameters:
                raise RunError(
                    f"{finding} sets {name!r}, which the recipe does not declare",
                    f"declare it in the recipe's parameters: {sorted(self.parameters)}",
                )
        return replace(self, parameters={**self.parameters, **values})


def read_position(entries: Iterable[Entry], record_only: bool) -> Position | None:
    """Fold the ledger; None if the run has not started."""
    last = deque(read_positions(entries, record_only), maxlen=1)
    return last[0][1] if last else None


def read_positions(entries: Iterable[Entry], record_only: bool) -> Iterator[tuple[Entry, Position]]:
    """Yield every entry with the position after it; RunError where one does not follow."""
    position: Position | None = None
    stages: dict[int, Position] = {}
    for entry in entries:
        body = entry.body
        if entry.kind == "start":
            initial = from_data(State, body["initial"])
            position = Position(
                initial,
                initial,
                initial,
                parameters=body["parameters"],
                promoted={0: initial},
            )
        elif position is None:
            continue
        elif entry.kind == "approval":
            position = position.approve()
            _require_same(position, body)
        elif entry.kind == "rollback":
            if body["to"] not in stages:
                raise RunError(
                    f"entry {entry.seq}: it goes back to generation {body['to']}, which was not",
                    "restore the ledger from a copy",
                )
            position = position.return_to(stages[body["to"]], body["fresh"])
            _require_same(position, body)
        elif entry.kind == "generation":
            findings = [from_data(Finding, f) for f in body["findings"]]
            decision = from_data(Decision, body["decision"])
            candidate = from_data(State, body["candidate"])
            position = position.decide(candidate, decision, record_only).act(findings)
            _require_same(position, body)
        if entry.kind in ("start", "approval", "generation"):
            stages[position.generation] = position
        yield entry, position


def _require_same(position: Position, body: Mapping[str, Any]) -> None:
    if pointers(position) != body["pointers"]:
        raise RunError(
            f"generation {position.generation}: the ledger's pointers do not follow from "
            "its decision",
            "use the version of Ratchet that made the run",
        )


def waiting(entries: Iterable[Entry]) -> str | None:
    """Return the reason of the decision that waits for approval, or None if none does."""
    reason: str | None = None
    for entry in entries:
        if entry.kind == "generation" and entry.body["decision"].get("ends"):
            decision = from_data(Decision, entry.body["decision"])
            reason = decision.reason if decision.ends is Ending.NEEDS_APPROVAL else None
        elif entry.kind in ("generation", "approval", "rollback"):
            reason = None
    return reason


def pointers(position: Position) -> dict[str, Any]:
    """Return what the ledger stores of a position after each decision."""
    return {
        "incumbent": to_data(position.incumbent),
        "branch": to_data(position.branch),
        "holds": position.holds,
        "parameters": dict(position.parameters),
    }


def _first_version(initial: State, name: str, finding: str) -> dict[str, Component]:
    """Return a component's first version, and that of its parts (``name.part``)."""
    fresh = {n: c for n, c in initial.items() if n == name or n.startswith(f"{name}.")}
    if not fresh:
        raise RunError(
            f"{finding} restarts {name!r}, which the state does not have",
            f"name one of: {', '.join(sorted(initial))}",
        )
    return fresh
