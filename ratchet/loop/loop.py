"""The loop: improve, measure, probe, decide, record; then open the final stream once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ratchet.core.codec import to_data
from ratchet.core.errors import RunError, TamperedError
from ratchet.core.events import Event, Listener, ignore
from ratchet.core.evidence import Ending
from ratchet.core.findings import Finding, Halt
from ratchet.guard.charter import find_charter
from ratchet.guard.evaluator import Evaluator
from ratchet.guard.protected import source_files
from ratchet.guard.watch import Watch
from ratchet.loop.amend import amended, describe_charter, require_same
from ratchet.loop.audit import read_past
from ratchet.loop.closing import measure_final
from ratchet.loop.config import RunConfig
from ratchet.loop.folder import RunFolder
from ratchet.loop.gate import Gate
from ratchet.loop.gates import choose_gate
from ratchet.loop.halts import find_tampering, last_halt
from ratchet.loop.ledger import Ledger
from ratchet.loop.liveness import Liveness, Tally, judge
from ratchet.loop.meter import Meter
from ratchet.loop.opening import open_run
from ratchet.loop.position import Position, pointers, read_position, waiting
from ratchet.loop.provenance import describe_machine, hash_code
from ratchet.loop.purse import BudgetSpent, Purse
from ratchet.loop.recipe import Recipe
from ratchet.loop.retention import needed
from ratchet.loop.turn import take_turn
from ratchet.loop.versions import Store
from ratchet.sandbox.require import require


@dataclass(frozen=True)
class OpenRun:
    """What a run holds open while it works."""

    ledger: Ledger
    """Where every step is committed."""
    evaluator: Evaluator
    """Who measures, under the charter."""
    gate: Gate
    """Who decides."""
    watch: Watch
    """Who notices that something protected was touched."""


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
            if find_tampering(ledger.entries()):
                return self._end(ledger, evaluator, "invalid")
            kept = dict.fromkeys(source_files().values(), "evaluator") | {charter: "charter"}
            watch = Watch(self.folder.evaluator, kept, ledger.path, self.store.folder)
            gate = self.gate or choose_gate(evaluator.charter, self.config.gate_items)
            try:
                with watch:
                    return self._work(OpenRun(ledger, evaluator, gate, watch))
            except TamperedError as error:
                return self._invalidate(ledger, evaluator, error)

    def _work(self, run: OpenRun) -> str:
        ledger, evaluator = run.ledger, run.evaluator
        control = self.config.gate == "record"
        before = read_position(ledger.entries(), control)
        self.folder.require_whole(-1 if before is None else before.generation)
        if before is None:
            self._start(run)
        self._take_up(run)
        start = next(ledger.entries("start")).body
        position = read_position(ledger.entries(), control)
        assert position is not None
        # A kill may have come between a decision and the removal of what it set free.
        self.store.keep(needed(position))
        planted: dict[str, bool] = start["planted"]
        if not all(planted.values()):
            return self._end(ledger, evaluator, "invalid")
        if not self.finish:
            budget = evaluator.charter.budget
            purse = Purse(budget, self.folder, ledger.entries(), self.recipe.spent)
            try:
                with purse.alarm():
                    position = self._take_turns(run, position, purse)
                    if position.pending is not None:
                        return str(Ending.NEEDS_APPROVAL)
                    purse.look()
            except BudgetSpent as stop:
                return self._halt(ledger, evaluator, stop.finding)
        self.folder.drop_unfinished(position.generation)
        meter, chosen = Meter(self.recipe.spent), start["base"]["chosen"]
        measured = measure_final(self.recipe, self.config, evaluator, chosen, position, self.tell)
        epilogue = self.recipe.epilogue(position.initial.replace(), position.incumbent.replace())
        states = judge(planted, read_tally(ledger))
        dead = Liveness.DEAD in states.values()
        status = "invalid" if dead else self._status(position)
        evaluator.inspect()
        run.watch.require_clean()
        return self._end(ledger, evaluator, status, measured, epilogue, meter)

    def _take_turns(self, run: OpenRun, position: Position, purse: Purse) -> Position:
        """Turn until it is over or a candidate waits for a person; BudgetSpent if it may not."""
        while position.pending or not self._is_over(position):
            if position.pending is None:
                purse.generations = position.generation
                purse.look(starting=True)
                position = self._turn(run, position, purse)
            elif self.approve(waiting(run.ledger.entries()) or ""):
                position = position.approve()
                run.ledger.append("approval", {"pointers": pointers(position)})
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

    def _take_up(self, run: OpenRun) -> None:
        """Refuse to go on under other terms than the run began with; write down what may change:
        the budget, once a person agrees, and code and machine."""
        charter, entries = run.evaluator.charter, list(run.ledger.entries())
        require_same(entries, self.config, run.evaluator, self.folder.path)
        reason = amended(entries, charter)
        if reason is not None and not self.approve(reason):
            raise RunError(
                f"{self.config.charter}: {reason}, and nobody has agreed to it",
                f"ratchet resume {self.folder.path} --approve, or restore the charter",
            )
        if reason is not None:
            run.ledger.append("amendment", {**describe_charter(charter), "reason": reason})
        now = self._origin()
        known = [entry.body for entry in entries if "code" in entry.body]
        if not known or any(known[-1][name] != now[name] for name in now):
            run.ledger.append("resume", now)

    def _origin(self) -> dict[str, Any]:
        return {"machine": describe_machine(), "code": hash_code(self.recipe)}

    def _start(self, run: OpenRun) -> None:
        meter = Meter(self.recipe.spent)
        body = open_run(self.recipe, self.config, run.evaluator, run.gate, self.tell)
        run.ledger.append("start", {**body, **self._origin(), "cost": meter.read()})

    def _turn(self, run: OpenRun, position: Position, purse: Purse) -> Position:
        def check() -> None:
            purse.look()
            run.watch.require_clean()

        meter, number = Meter(self.recipe.spent), position.generation + 1
        first = max(1, number - self.config.window + 1)
        window = [self.folder.read_records(n) for n in range(first, number)]
        turn = take_turn(
            self.recipe,
            self.config,
            run.evaluator,
            run.gate,
            position,
            window,
            read_past(run.ledger.entries()),
            purse.watch(self.tell),
            check,
        )
        kept = self.folder.write_records(number, turn.candidate.records)
        told = {"records": to_data(kept), "evaluator": to_data(run.evaluator.mark)}
        run.ledger.append("generation", {**turn.body, **told, "cost": meter.read()})
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

    def _halt(self, ledger: Ledger, evaluator: Evaluator, finding: Finding) -> str:
        """Stop between two decisions, with the final stream closed, so that a person may go on."""
        before = last_halt(list(ledger.entries()))
        if before is None or before["name"] != finding.name:
            told = {"finding": to_data(finding), "evaluator": to_data(evaluator.mark)}
            ledger.append("halt", told)
        self.tell(Event("finding", {"name": finding.name, "message": finding.message}))
        self.tell(Event("end", {"status": str(Ending.HALTED)}))
        return str(Ending.HALTED)

    def _invalidate(self, ledger: Ledger, evaluator: Evaluator, error: TamperedError) -> str:
        """End for good: what this run is judged by or recorded in was touched."""
        finding = Finding(error.name, error.message.removeprefix(f"{error.name}: "), Halt())
        ledger.append("halt", {"finding": to_data(finding), "trusted": ledger.accept()})
        self.tell(Event("finding", {"name": finding.name, "message": finding.message}))
        return self._end(ledger, evaluator, "invalid")

    def _end(
        self,
        ledger: Ledger,
        evaluator: Evaluator,
        status: str,
        measured: Mapping[str, Any] = MappingProxyType({}),
        epilogue: Mapping[str, Any] = MappingProxyType({}),
        meter: Meter | None = None,
    ) -> str:
        body = {
            "status": status,
            "scores": {},
            "labels": {},
            **measured,
            "epilogue": dict(epilogue),
            "evaluator": to_data(evaluator.mark),
            "cost": (meter or Meter(self.recipe.spent)).read(),
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
