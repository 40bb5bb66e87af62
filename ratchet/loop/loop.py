"""The loop: improve, measure, probe, decide, record; then open the final stream once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.core.codec import to_data
from ratchet.core.errors import RunError, TamperedError
from ratchet.core.events import Event, Listener, ignore
from ratchet.core.evidence import Ending, Scores
from ratchet.core.findings import Finding, Halt
from ratchet.core.seeds import Seed
from ratchet.guard.charter import find_charter
from ratchet.guard.evaluator import Evaluator
from ratchet.guard.protected import source_files
from ratchet.guard.watch import Watch
from ratchet.loop.amend import amended, fixed_of
from ratchet.loop.closing import measure_final
from ratchet.loop.config import RunConfig
from ratchet.loop.folder import RunFolder
from ratchet.loop.gate import Gate
from ratchet.loop.gates import choose_gate, describe_gate
from ratchet.loop.halts import last_halt
from ratchet.loop.ledger import Ledger
from ratchet.loop.liveness import Liveness, Tally, judge, plant
from ratchet.loop.meter import Meter
from ratchet.loop.position import Position, pointers, read_position, waiting
from ratchet.loop.provenance import describe_machine, hash_code
from ratchet.loop.purse import BudgetSpent, Purse
from ratchet.loop.recipe import Recipe
from ratchet.loop.retention import needed
from ratchet.loop.study import measure_all
from ratchet.loop.turn import take_turn
from ratchet.loop.versions import Store
from ratchet.sandbox.require import describe, require
from ratchet.worlds.protocol import Stream


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
    """Asked, with the reason: promote the candidate that waits, go on under the new budget?"""
    finish: bool = False
    """Take no further turn: open the final stream now, whatever the budget says."""
    _seed: Seed = field(init=False)

    def __post_init__(self) -> None:
        self._seed = Seed(self.config.seed)

    def run(self) -> str:
        """Run to the end and return the status: ``completed``, ``halted``, ``budget_spent``,
        ``invalid``, or ``needs_approval`` where another call goes on once approval is given. Halted
        by a spent budget, another call goes on once a person has raised it, or finishes the run.

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
        if self.recipe.sandbox is not None:
            require(self.recipe.sandbox, self.recipe.isolation)
        charter = find_charter(self.config.charter)
        with Evaluator(charter, self.config.seed, self.folder.evaluator) as evaluator:
            kept = dict.fromkeys(source_files().values(), "evaluator") | {charter: "charter"}
            watch = Watch(self.folder.evaluator, kept, ledger.path, self.store.folder)
            try:
                with watch:
                    return self._work(ledger, evaluator, watch)
            except TamperedError as error:
                return self._invalidate(ledger, evaluator, error)

    def _work(self, ledger: Ledger, evaluator: Evaluator, watch: Watch) -> str:
        position = read_position(ledger.entries(), self.config.gate == "record")
        self.folder.require_whole(-1 if position is None else position.generation)
        gate = self.gate or choose_gate(evaluator.charter, self.config.gate_items)
        if position is None:
            position = self._start(ledger, evaluator, gate)
        start = next(ledger.entries("start")).body
        self._require_same(start, evaluator)
        self._require_agreed(ledger, evaluator)
        self._note_change(ledger)
        # A kill may have come between a decision and the removal of what it set free.
        self.store.keep(needed(position))
        planted: dict[str, bool] = start["planted"]
        meter = Meter(self.recipe.spent)
        if not all(planted.values()):
            return self._end(ledger, evaluator, "invalid", {}, {}, meter)
        if not self.finish:
            budget = evaluator.charter.budget
            purse = Purse(budget, self.folder, ledger.entries(), self.recipe.spent)
            try:
                with purse.alarm():
                    position = self._take_turns(ledger, evaluator, gate, position, purse, watch)
                    if position.pending is not None:
                        return str(Ending.NEEDS_APPROVAL)
                    purse.look()
            except BudgetSpent as stop:
                return self._halt(ledger, stop.finding)
        meter = Meter(self.recipe.spent)
        measured = measure_final(
            self.recipe, self.config, evaluator, start["base"]["chosen"], position, self.tell
        )
        epilogue = self.recipe.epilogue(position.initial.replace(), position.incumbent.replace())
        states = judge(planted, read_tally(ledger))
        dead = Liveness.DEAD in states.values()
        status = "invalid" if dead else self._status(position)
        evaluator.inspect()
        watch.require_clean()
        return self._end(ledger, evaluator, status, measured, epilogue, meter)

    def _take_turns(
        self,
        ledger: Ledger,
        evaluator: Evaluator,
        gate: Gate,
        position: Position,
        purse: Purse,
        watch: Watch,
    ) -> Position:
        """Turn until it is over or a candidate waits for a person; BudgetSpent if it may not."""
        while position.pending or not self._is_over(position):
            if position.pending is None:
                purse.generations = position.generation
                purse.look(starting=True)
                position = self._turn(ledger, evaluator, gate, position, purse, watch)
            elif self.approve(waiting(ledger.entries()) or ""):
                position = position.approve()
                ledger.append("approval", {"pointers": pointers(position)})
            else:
                break
        return position

    def _is_over(self, position: Position) -> bool:
        return position.ending is not None or position.generation >= self.config.generations

    def _status(self, position: Position) -> str:
        """Say why it is over; a budget that lasted for all generations was enough."""
        done = position.generation >= self.config.generations
        if not self._is_over(position):
            return str(Ending.HALTED)
        if position.ending is None or (done and position.ending is Ending.BUDGET_SPENT):
            return "completed"
        return str(position.ending)

    def _require_same(self, start: Mapping[str, Any], evaluator: Evaluator) -> None:
        """Refuse to go on under other terms, settings or judges than the run began with."""
        now, then = self.config.model_dump(mode="json"), start["config"]
        changed = sorted(key for key in {*now, *then} if now.get(key) != then.get(key))
        if fixed_of(start) != evaluator.charter.fixed_hash:
            changed.append(f"the charter {self.config.charter}")
        if changed:
            raise RunError(
                f"{self.folder.path} was started with other settings: {', '.join(changed)}",
                "restore them, or start a new run",
            )
        if start.get("judge", evaluator.opened.source) != evaluator.opened.source:
            raise RunError(
                f"{self.folder.path} was started with another evaluator: its source has changed",
                "use the version of Ratchet that made the run, or start a new run",
            )

    def _require_agreed(self, ledger: Ledger, evaluator: Evaluator) -> None:
        """Go on under a changed budget only if a person has agreed to it, and write that down."""
        reason = amended(list(ledger.entries()), evaluator.charter)
        if reason is None:
            return
        if not self.approve(reason):
            raise RunError(
                f"{self.config.charter}: {reason}, and nobody has agreed to it",
                f"ratchet resume {self.folder.path} --approve, or restore the charter",
            )
        charter = evaluator.charter
        body = {"charter": charter.hash, "terms": charter.terms, "reason": reason}
        ledger.append("amendment", body)

    def _note_change(self, ledger: Ledger) -> None:
        """Write down that the run goes on by other code or on another machine than so far."""
        now = self._origin()
        known = [entry.body for entry in ledger.entries() if "code" in entry.body]
        if not known or any(known[-1][name] != now[name] for name in now):
            ledger.append("resume", now)

    def _origin(self) -> dict[str, Any]:
        return {"machine": describe_machine(), "code": hash_code(self.recipe)}

    def _start(self, ledger: Ledger, evaluator: Evaluator, gate: Gate) -> Position:
        meter = Meter(self.recipe.spent)
        self.tell(Event("phase", {"phase": "start", "what": "making the initial state"}))
        # What a recipe is given, and what it gives, is copied: changed later, it moves no pointer.
        given = self.recipe.initial(self._seed.child("initial"))
        initial = given.replace()
        self.tell(Event("phase", {"phase": "plant", "what": "checking that mechanisms are alive"}))
        mechanisms = self.recipe.mechanisms(given, self._seed.child("plant"))
        planted = plant(mechanisms, self.recipe.probes, given)
        bases: dict[str, Scores] = {}
        if all(planted.values()):
            self.tell(Event("phase", {"phase": "base", "what": "choosing the base procedure"}))
            bases = measure_all(
                evaluator,
                self.recipe.bases(given),
                Stream.AUDIT,
                self.config.audit_items,
                0,
                self._seed.child("base"),
            )
        body = {
            "config": self.config.model_dump(mode="json"),
            "charter": evaluator.charter_hash,
            "terms": evaluator.charter.terms,
            "judge": evaluator.opened.source,
            "knows_reserved": evaluator.opened.knows_reserved,
            "gate": describe_gate(gate),
            "initial": to_data(initial),
            "planted": planted,
            "parameters": dict(self.recipe.parameters),
            "base": {
                "chosen": max(bases, key=lambda name: bases[name].mean) if bases else "",
                "scores": {name: to_data(scores) for name, scores in bases.items()},
            },
            **self._origin(),
            "sandbox": describe(self.recipe.sandbox),
            "evaluator": to_data(evaluator.mark),
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
        self,
        ledger: Ledger,
        evaluator: Evaluator,
        gate: Gate,
        position: Position,
        purse: Purse,
        watch: Watch,
    ) -> Position:
        meter, number = Meter(self.recipe.spent), position.generation + 1
        first = max(1, number - self.config.window + 1)
        window = [self.folder.read_records(n) for n in range(first, number)]

        def look() -> None:
            purse.look()
            watch.require_clean()

        tell = purse.watch(self.tell)
        turn = take_turn(self.recipe, self.config, evaluator, gate, position, window, tell, look)
        kept = self.folder.write_records(number, turn.candidate.records)
        told = {"records": to_data(kept), "evaluator": to_data(evaluator.mark)}
        ledger.append("generation", {**turn.body, **told, "cost": meter.read()})
        self.store.keep(needed(turn.after))
        drawn = len(turn.evidence.candidate)
        self.tell(
            Event(
                "decision",
                {
                    "generation": number,
                    "verb": str(turn.decision.verb),
                    "reason": turn.decision.reason,
                    "candidate": turn.evidence.candidate.mean if drawn else None,
                    "incumbent": turn.evidence.incumbent.mean if drawn else None,
                    "measures": dict(turn.candidate.measures),
                },
            )
        )
        return turn.after

    def _halt(self, ledger: Ledger, finding: Finding) -> str:
        """Stop between two decisions, with the final stream closed, so that a person may go on."""
        before = last_halt(list(ledger.entries()))
        if before is None or before["name"] != finding.name:
            ledger.append("halt", {"finding": to_data(finding)})
        self.tell(Event("finding", {"name": finding.name, "message": finding.message}))
        self.tell(Event("end", {"status": str(Ending.HALTED)}))
        return str(Ending.HALTED)

    def _invalidate(self, ledger: Ledger, evaluator: Evaluator, error: TamperedError) -> str:
        """End for good: what this run is judged by or recorded in was touched."""
        finding = Finding(error.name, error.message.removeprefix(f"{error.name}: "), Halt())
        ledger.append("halt", {"finding": to_data(finding), "trusted": ledger.accept()})
        self.tell(Event("finding", {"name": finding.name, "message": finding.message}))
        return self._end(ledger, evaluator, "invalid", {}, {}, Meter(self.recipe.spent))

    def _end(
        self,
        ledger: Ledger,
        evaluator: Evaluator,
        status: str,
        measured: Mapping[str, Any],
        epilogue: Mapping[str, Any],
        meter: Meter,
    ) -> str:
        body = {
            "status": status,
            "scores": {},
            "labels": {},
            **measured,
            "epilogue": dict(epilogue),
            "evaluator": to_data(evaluator.mark),
            "cost": meter.read(),
        }
        ledger.append("end", body)
        self.tell(Event("end", {"status": status}))
        return status


def read_tally(ledger: Ledger) -> Tally:
    """Add up what was observed of every mechanism in all generations."""
    tally = Tally()
    for entry in ledger.entries("generation"):
        tally.add(entry.body["liveness"])
    return tally
