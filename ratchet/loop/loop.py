"""The loop: improve, measure, probe, decide, record; then open the final stream once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ratchet.core.codec import from_data, hash_data, to_data
from ratchet.core.errors import RunError
from ratchet.core.events import Event, Listener, ignore
from ratchet.core.evidence import Ending, Scores
from ratchet.core.findings import Finding
from ratchet.core.seeds import Seed
from ratchet.core.state import Candidate, State
from ratchet.guard.charter import Charter, find_charter
from ratchet.guard.evaluator import Evaluator
from ratchet.loop.config import RunConfig
from ratchet.loop.folder import RunFolder
from ratchet.loop.gate import Gate, History, IntervalGate, ask_approval, differences
from ratchet.loop.ladder_gate import LadderGate
from ratchet.loop.ledger import Ledger
from ratchet.loop.liveness import Liveness, Tally, judge, plant
from ratchet.loop.meter import Meter, describe_machine
from ratchet.loop.monitor import Readings, judge_all, read_all, try_out
from ratchet.loop.pair import Pair
from ratchet.loop.policies import MOMENTS
from ratchet.loop.position import Position, pointers, read_position, waiting
from ratchet.loop.recipe import Context, Recipe, Records
from ratchet.loop.sequential_gate import SequentialGate
from ratchet.loop.study import measure_all
from ratchet.loop.versions import Store
from ratchet.worlds.protocol import Stream

_AUDITED = ("candidate", "initial")
"""Who is measured for the monitors."""


@dataclass
class Loop:
    """One run of one recipe in one folder. ``run`` starts it, or continues where it stopped."""

    recipe: Recipe
    config: RunConfig
    folder: RunFolder
    store: Store
    """Where the recipe's components are: the same object that the recipe was built with."""
    tell: Listener = ignore
    gate: Gate | None = None
    """The gate to use; by default the one that the charter asks for (`choose_gate`)."""
    approve: Callable[[str], bool] = lambda reason: False
    """Asked, with the gate's reason, whether to promote a candidate that needs approval."""
    _seed: Seed = field(init=False)

    def __post_init__(self) -> None:
        self._seed = Seed(self.config.seed)

    def run(self) -> str:
        """Run to the end and return the status: ``completed``, ``halted``, ``budget_spent``,
        ``invalid``, or ``needs_approval`` where another call goes on once approval is given.

        Whatever stops it, every generation that was committed stays, and another call goes on after
        the last of them. Raises RunError when the disk refuses.
        """
        try:
            with self.folder.lock(), self.folder.ledger() as ledger:
                return self._run(ledger)
        except (OSError, sqlite3.Error) as error:
            raise RunError(
                f"the run stopped: {error}. Every finished generation is kept",
                f"make room or correct the cause, then: ratchet resume {self.folder.path}",
            ) from error

    def _run(self, ledger: Ledger) -> str:
        ended = [entry.body["status"] for entry in ledger.entries("end")]
        if ended:
            return str(ended[0])
        charter = find_charter(self.config.charter)
        with Evaluator(charter, self.config.seed, self.folder.evaluator) as evaluator:
            position = read_position(ledger.entries(), self.config.gate == "record")
            if position is None:
                position = self._start(ledger, evaluator)
            start = next(ledger.entries("start")).body
            self._require_same(start, evaluator)
            planted: dict[str, bool] = start["planted"]
            meter = Meter(self.recipe.spent)
            if not all(planted.values()):
                return self._end(ledger, "invalid", {}, {}, meter)
            gate = self.gate or choose_gate(evaluator.charter, self.config.gate_items)
            while position.pending or not self._is_over(position):
                if position.pending is None:
                    position = self._turn(ledger, evaluator, gate, position)
                elif self.approve(waiting(ledger.entries()) or ""):
                    position = position.approve()
                    ledger.append("approval", {"pointers": pointers(position)})
                else:
                    return str(Ending.NEEDS_APPROVAL)
            meter = Meter(self.recipe.spent)
            scores = self._measure_final(ledger, evaluator, position)
            epilogue = self.recipe.epilogue(position.initial, position.incumbent)
            states = judge(planted, read_tally(ledger))
            dead = Liveness.DEAD in states.values()
            status = "invalid" if dead else self._status(position)
            return self._end(ledger, status, scores, epilogue, meter)

    def _is_over(self, position: Position) -> bool:
        return position.ending is not None or position.generation >= self.config.generations

    def _status(self, position: Position) -> str:
        """Say why it is over; a budget that lasted for all generations was enough."""
        done = position.generation >= self.config.generations
        if position.ending is None or (done and position.ending is Ending.BUDGET_SPENT):
            return "completed"
        return str(position.ending)

    def _require_same(self, start: Mapping[str, Any], evaluator: Evaluator) -> None:
        """Refuse to go on under another charter or other settings than the run began with."""
        now, then = self.config.model_dump(mode="json"), start["config"]
        changed = sorted(key for key in {*now, *then} if now.get(key) != then.get(key))
        if start["charter"] != evaluator.charter_hash:
            changed.append(f"the charter {self.config.charter}")
        if changed:
            raise RunError(
                f"{self.folder.path} was started with other settings: {', '.join(changed)}",
                "restore them, or start a new run",
            )

    def _start(self, ledger: Ledger, evaluator: Evaluator) -> Position:
        meter = Meter(self.recipe.spent)
        self.tell(Event("phase", {"phase": "start", "what": "making the initial state"}))
        initial = self.recipe.initial(self._seed.child("initial"))
        self.tell(Event("phase", {"phase": "plant", "what": "checking that mechanisms are alive"}))
        mechanisms = self.recipe.mechanisms(initial, self._seed.child("plant"))
        planted = plant(mechanisms, self.recipe.probes, initial)
        planted |= try_out(self.recipe.monitors, self.config.window)
        bases: dict[str, Scores] = {}
        if all(planted.values()):
            self.tell(Event("phase", {"phase": "base", "what": "choosing the base procedure"}))
            bases = measure_all(
                evaluator,
                self.recipe.bases(initial),
                Stream.AUDIT,
                self.config.audit_items,
                0,
                self._seed.child("base"),
            )
        body = {
            "config": self.config.model_dump(mode="json"),
            "charter": evaluator.charter_hash,
            "initial": to_data(initial),
            "planted": planted,
            "parameters": dict(self.recipe.parameters),
            "base": {
                "chosen": max(bases, key=lambda name: bases[name].mean) if bases else "",
                "scores": {name: to_data(scores) for name, scores in bases.items()},
            },
            "machine": describe_machine(),
            "cost": meter.read(),
        }
        ledger.append("start", body)
        self.tell(Event("measured", {"base": {name: s.mean for name, s in bases.items()}}))
        return Position(
            initial,
            initial,
            initial,
            parameters=dict(self.recipe.parameters),
            promoted={0: initial},
        )

    def _turn(
        self, ledger: Ledger, evaluator: Evaluator, gate: Gate, position: Position
    ) -> Position:
        number = position.generation + 1
        meter, tally = Meter(self.recipe.spent), Tally()
        seed = self._seed.child("generation", number)
        self.tell(Event("generation", {"generation": number, "of": self.config.generations}))
        context = Context(
            number, seed, position.initial, position.parameters, tally.observe, self.tell
        )
        candidate = self.recipe.improve(position.branch, context)
        window = self._window(number, candidate)
        read = read_all(self.recipe.monitors, window)
        audit = self._audit(evaluator, number, candidate.state, position.initial)
        history = [*_history(ledger), (read, _changes(audit))]
        alarms = judge_all(self.recipe.monitors, history, self.config.gate == "enforce")
        for alarm in alarms:
            tally.observe(alarm.name, True)
        findings = [*candidate.findings, *self._probe(window, candidate, tally), *alarms]
        for finding in findings:
            self.tell(Event("finding", {"name": finding.name, "message": finding.message}))

        same = candidate.state.hash == position.incumbent.hash
        pair = Pair(
            evaluator,
            self.recipe.solver(candidate.state),
            None if same else self.recipe.solver(position.incumbent),
            number,
            self._seed.child("measure"),
            self.tell,
        )
        past = History(position.holds, position.tests)
        decision, evidence = gate.decide(pair, findings, past, seed.child("gate"))
        decision = ask_approval(decision, findings)
        record_only = self.config.gate == "record"
        after = position.decide(candidate.state, decision, record_only).act(findings)
        records = self.folder.write_records(number, candidate.records)
        body = {
            "generation": number,
            "charter": evaluator.charter_hash,
            "candidate": to_data(candidate.state),
            "evidence": to_data(evidence),
            "capabilities": to_data(pair.capabilities),
            "findings": [to_data(finding) for finding in findings],
            "decision": to_data(decision),
            "pointers": pointers(after),
            "measures": dict(candidate.measures),
            "audit": {name: to_data(scores) for name, scores in audit.items()},
            "readings": read,
            "liveness": tally.counts,
            "records": records,
            "cost": meter.read(),
        }
        ledger.append("generation", body)
        self.store.keep(_needed(after))
        self.tell(
            Event(
                "decision",
                {
                    "generation": number,
                    "verb": str(decision.verb),
                    "reason": decision.reason,
                    "candidate": evidence.candidate.mean if len(evidence.candidate) else None,
                    "incumbent": evidence.incumbent.mean if len(evidence.candidate) else None,
                    "measures": dict(candidate.measures),
                },
            )
        )
        return after

    def _window(self, number: int, candidate: Candidate) -> list[Records]:
        first = max(1, number - self.config.window + 1)
        return [*(self.folder.read_records(n) for n in range(first, number)), candidate.records]

    def _audit(
        self, evaluator: Evaluator, number: int, candidate: State, initial: State
    ) -> dict[str, Scores]:
        """Measure candidate and first state on fresh audit anchors, if monitors are to see them."""
        items = self.config.monitor_items
        if not self.recipe.monitors or not items or candidate.hash == initial.hash:
            return {}
        self.tell(Event("phase", {"phase": "audit", "what": "measuring on audit anchors"}))
        solvers = {
            n: self.recipe.solver(s) for n, s in zip(_AUDITED, (candidate, initial), strict=True)
        }
        return measure_all(
            evaluator, solvers, Stream.AUDIT, items, number, self._seed.child("audit")
        )

    def _probe(
        self, window: Sequence[Records], candidate: Candidate, tally: Tally
    ) -> list[Finding]:
        findings = []
        for probe in self.recipe.probes:
            finding = probe.measure(window, candidate.state)
            if finding is not None:
                tally.observe(probe.name, True)
                findings.append(finding)
        return findings

    def _measure_final(
        self, ledger: Ledger, evaluator: Evaluator, position: Position
    ) -> dict[str, Any]:
        """Open the final stream: fair base, untrained, incumbent and branch on the same items."""
        chosen: str = next(ledger.entries("start")).body["base"]["chosen"]
        base = self.recipe.bases(position.initial)[chosen]
        states = {
            "untrained": position.initial,
            "incumbent": position.incumbent,
            "last_candidate": position.branch,
        }
        sealed = hash_data([chosen, *(state.hash for state in states.values())])
        items, seed = self.config.final_items, self._seed.child("measure")

        measured: list[tuple[Any, Scores]] = []

        def measure(name: str, solver: Any) -> Scores:
            for known, scores in measured:
                if known == solver:  # the fair base is often the untrained policy itself
                    return scores
            self.tell(Event("phase", {"phase": "final", "what": f"final measurement: {name}"}))
            found = measure_all(evaluator, {name: solver}, Stream.FINAL, items, 0, seed, sealed)
            measured.append((solver, found[name]))
            return found[name]

        scores = {"base": measure("base", base)}
        for name, state in states.items():
            scores[name] = measure(name, self.recipe.solver(state))
        return {name: to_data(value) for name, value in scores.items()}

    def _end(
        self,
        ledger: Ledger,
        status: str,
        scores: Mapping[str, Any],
        epilogue: Mapping[str, Any],
        meter: Meter,
    ) -> str:
        body = {"status": status, "scores": dict(scores), "epilogue": dict(epilogue)}
        ledger.append("end", {**body, "cost": meter.read()})
        self.tell(Event("end", {"status": status}))
        return status


def choose_gate(charter: Charter, items: int) -> Gate:
    """Return the gate of a charter's terms; without terms, the interval gate on this many items."""
    if charter.gate is None:
        return IntervalGate(items)
    if charter.gate.step is not None:
        return LadderGate(charter.gate)
    return SequentialGate(charter.gate, tuple(f for f, share in charter.families.items() if share))


def read_tally(ledger: Ledger) -> Tally:
    """Add up what was observed of every mechanism in all generations."""
    tally = Tally()
    for entry in ledger.entries("generation"):
        tally.add(entry.body["liveness"])
    return tally


def _history(ledger: Ledger) -> list[tuple[Readings, tuple[float, ...]]]:
    """Return what monitors know of every generation in the ledger."""
    history = []
    for entry in ledger.entries("generation"):
        audit = {n: from_data(Scores, data) for n, data in entry.body["audit"].items()}
        history.append((entry.body["readings"], _changes(audit)))
    return history


def _changes(audit: Mapping[str, Scores]) -> tuple[float, ...]:
    return tuple(differences(*(audit[name] for name in _AUDITED))) if audit else ()


def _needed(position: Position) -> list[Any]:
    """Whole: initial, incumbent and branch. Earlier incumbents lose their optimiser's moments."""
    whole = [position.initial, position.incumbent, position.branch]
    whole += [position.pending] if position.pending else []
    components = [component for state in whole for component in state.values()]
    for state in position.promoted.values():
        components += [c for c in state.values() if c.kind != MOMENTS]
    return components
