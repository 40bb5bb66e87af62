"""The loop: improve, measure, probe, decide, record; then open the final stream once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.core.codec import to_data
from ratchet.core.errors import RunError
from ratchet.core.events import Event, Listener, ignore
from ratchet.core.evidence import Ending, Scores
from ratchet.core.seeds import Seed
from ratchet.guard.charter import find_charter
from ratchet.guard.evaluator import Evaluator
from ratchet.loop.closing import measure_final
from ratchet.loop.config import RunConfig
from ratchet.loop.folder import RunFolder
from ratchet.loop.gate import Gate
from ratchet.loop.gates import choose_gate, describe_gate
from ratchet.loop.ledger import Ledger
from ratchet.loop.liveness import Liveness, Tally, judge, plant
from ratchet.loop.meter import Meter
from ratchet.loop.position import Position, pointers, read_position, waiting
from ratchet.loop.provenance import describe_machine, hash_code
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
        if self.recipe.sandbox is not None:
            require(self.recipe.sandbox, self.recipe.isolation)
        charter = find_charter(self.config.charter)
        with Evaluator(charter, self.config.seed, self.folder.evaluator) as evaluator:
            position = read_position(ledger.entries(), self.config.gate == "record")
            gate = self.gate or choose_gate(evaluator.charter, self.config.gate_items)
            if position is None:
                position = self._start(ledger, evaluator, gate)
            start = next(ledger.entries("start")).body
            self._require_same(start, evaluator)
            self._note_change(ledger)
            # A kill may have come between a decision and the removal of what it set free.
            self.store.keep(needed(position))
            planted: dict[str, bool] = start["planted"]
            meter = Meter(self.recipe.spent)
            if not all(planted.values()):
                return self._end(ledger, evaluator, "invalid", {}, {}, meter)
            while position.pending or not self._is_over(position):
                if position.pending is None:
                    position = self._turn(ledger, evaluator, gate, position)
                elif self.approve(waiting(ledger.entries()) or ""):
                    position = position.approve()
                    ledger.append("approval", {"pointers": pointers(position)})
                else:
                    return str(Ending.NEEDS_APPROVAL)
            meter = Meter(self.recipe.spent)
            measured = measure_final(
                self.recipe, self.config, evaluator, start["base"]["chosen"], position, self.tell
            )
            epilogue = self.recipe.epilogue(position.initial, position.incumbent)
            states = judge(planted, read_tally(ledger))
            dead = Liveness.DEAD in states.values()
            status = "invalid" if dead else self._status(position)
            return self._end(ledger, evaluator, status, measured, epilogue, meter)

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
        initial = self.recipe.initial(self._seed.child("initial"))
        self.tell(Event("phase", {"phase": "plant", "what": "checking that mechanisms are alive"}))
        mechanisms = self.recipe.mechanisms(initial, self._seed.child("plant"))
        planted = plant(mechanisms, self.recipe.probes, initial)
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
            "terms": evaluator.charter.terms,
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
        self, ledger: Ledger, evaluator: Evaluator, gate: Gate, position: Position
    ) -> Position:
        meter, number = Meter(self.recipe.spent), position.generation + 1
        first = max(1, number - self.config.window + 1)
        window = [self.folder.read_records(n) for n in range(first, number)]
        turn = take_turn(self.recipe, self.config, evaluator, gate, position, window, self.tell)
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
