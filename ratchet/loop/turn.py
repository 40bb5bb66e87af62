"""One turn of the loop, without a trace: improve, probe, measure, decide.

All that a turn needs is passed in and all that it did comes back, so that the loop can commit it
and a replay can compare it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ratchet.core.codec import to_data
from ratchet.core.events import Event, Listener
from ratchet.core.evidence import Decision, Evidence
from ratchet.core.findings import Finding
from ratchet.core.seeds import Seed
from ratchet.core.state import Candidate, State
from ratchet.guard.evaluator import Evaluator
from ratchet.loop.audit import audited, measure_audit
from ratchet.loop.config import RunConfig
from ratchet.loop.gate import Gate, History, ask_approval
from ratchet.loop.inspection import inspect_training
from ratchet.loop.liveness import Tally
from ratchet.loop.monitor import Past, judge_all, read_all
from ratchet.loop.pair import Pair
from ratchet.loop.position import Position, pointers
from ratchet.loop.recipe import Context, Recipe, Records
from ratchet.loop.retention import pruned


@dataclass(frozen=True)
class Turn:
    """What came of one turn."""

    candidate: Candidate
    """The candidate, with its records."""
    evidence: Evidence
    """What the gate weighed."""
    decision: Decision
    """What it decided."""
    after: Position
    """Where the run stands now."""
    body: dict[str, Any]
    """What the ledger keeps of it, but for the hash of the records, marks and costs."""


def improve(
    recipe: Recipe, position: Position, root: Seed, observe: Tally, tell: Listener
) -> Candidate:
    """Have the recipe make the next candidate. It is given copies, and what it gives is copied."""
    number = position.generation + 1
    seed = root.child("generation", number)
    initial, parameters = position.initial.replace(), dict(position.parameters)
    context = Context(number, seed, initial, parameters, observe.observe, tell)
    candidate = recipe.improve(position.branch.replace(), context)
    return replace(candidate, state=candidate.state.replace())


def take_turn(
    recipe: Recipe,
    config: RunConfig,
    evaluator: Evaluator,
    gate: Gate,
    position: Position,
    window: Sequence[Records],
    past: Sequence[Past],
    tell: Listener,
    check: Callable[[], None] = lambda: None,
) -> Turn:
    """Take the turn that follows a position; ``window`` holds the last generations' records,
    ``past`` what monitors know of all generations.

    ``check`` is called whenever a recipe has worked, and raises if the turn must not go on.
    """
    number, root, tally = position.generation + 1, Seed(config.seed), Tally()
    tell(Event("generation", {"generation": number, "of": config.generations}))
    candidate = improve(recipe, position, root, tally, tell)
    check()
    seen = [*window, candidate.records]
    probed = _probe(recipe, seen, candidate.state, tally)
    audit = measure_audit(
        recipe,
        evaluator,
        candidate.state,
        position.initial,
        config.monitor_items,
        number,
        root,
        tell,
    )
    now = Past(read_all(recipe.monitors, seen), audited(audit))
    record_only = config.gate == "record"
    alarms = judge_all(recipe.monitors, [*past, now], act=not record_only)
    for alarm in alarms:
        tally.observe(alarm.name, True)
    trained = inspect_training(evaluator, position.branch, candidate)
    findings = [*candidate.findings, *probed, *trained, *alarms]
    for finding in findings:
        tell(Event("finding", {"name": finding.name, "message": finding.message}))

    same = candidate.state.hash == position.incumbent.hash
    pair = Pair(
        evaluator,
        recipe.solver(candidate.state.replace()),
        None if same else recipe.solver(position.incumbent.replace()),
        number,
        root.child("measure"),
        tell,
    )
    history = History(position.holds, position.tests)
    seed = root.child("generation", number, "gate")
    decision, evidence = gate.decide(pair, findings, history, seed)
    decision = ask_approval(decision, findings)
    check()
    after = position.decide(candidate.state, decision, record_only).act(findings)
    body = {
        "generation": number,
        "charter": evaluator.charter_hash,
        "candidate": to_data(candidate.state),
        "evidence": to_data(evidence),
        "capabilities": to_data(pair.capabilities),
        "labels": {"candidate": "candidate", "incumbent": "candidate" if same else "incumbent"},
        "findings": [to_data(finding) for finding in findings],
        "decision": to_data(decision),
        "pointers": pointers(after),
        "pruned": sorted(set(pruned(after)) - set(pruned(position))),
        "measures": dict(candidate.measures),
        "audit": {name: to_data(scores) for name, scores in audit.items()},
        "readings": to_data(now.read),
        "liveness": tally.counts,
    }
    return Turn(candidate, evidence, decision, after, body)


def _probe(recipe: Recipe, window: Sequence[Records], state: State, tally: Tally) -> list[Finding]:
    findings = []
    for probe in recipe.probes:
        finding = probe.measure(window, state.replace())
        if finding is not None:
            tally.observe(probe.name, True)
            findings.append(finding)
    return findings
