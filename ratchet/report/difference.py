"""Two generations side by side: settings, components, evidence by family, what was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.core.codec import from_data
from ratchet.core.errors import RunError
from ratchet.core.records import Evaluation, Trace
from ratchet.core.state import State
from ratchet.loop.folder import RunFolder
from ratchet.loop.history import read_run
from ratchet.loop.position import Position
from ratchet.report.samples import spread
from ratchet.report.schema import GenerationReport
from ratchet.report.summary import build_report, read_settings

SAMPLES = 4
"""Most samples of a kind and side."""


@dataclass(frozen=True)
class Side:
    """One generation of one run."""

    folder: RunFolder
    """The run."""
    generation: int
    """Its number; 0 is the start."""
    settings: dict[str, Any]
    """The run's settings."""
    state: State
    """The state that it proposed."""
    position: Position
    """Where the run stood after it."""
    report: GenerationReport | None
    """What the report says of it; None for the start."""


def read_side(folder: RunFolder, generation: int) -> Side:
    """Read one side; RunError if the run has no such generation."""
    settings = read_settings(folder)
    places = read_run(folder, settings.get("gate") == "record")
    report = build_report(settings, [entry for entry, _ in places])
    for entry, position in places:
        if entry.kind == "start" and generation == 0:
            return Side(folder, 0, settings, position.initial, position, None)
        if entry.kind == "generation" and position.generation == generation:
            told = report.generations[generation - 1]
            state = from_data(State, entry.body["candidate"])
            return Side(folder, generation, settings, state, position, told)
    raise RunError(
        f"there is no generation {generation} in {folder.path}; it has {len(report.generations)}",
        f"ratchet versions {folder.path}",
    )


def compare_sides(a: Side, b: Side) -> dict[str, Any]:
    """Return all differences as JSON data; every pair is [a, b], null where a side has nothing."""
    return {
        "a": _describe(a),
        "b": _describe(b),
        "config": _pairs(a.settings, b.settings),
        "parameters": _pairs(a.position.parameters, b.position.parameters),
        "components": _pairs(_hashes(a.state), _hashes(b.state)),
        "families": _families(a, b),
        "measures": _pairs(_measures(a), _measures(b)),
        "proposals": [_proposals(a), _proposals(b)],
        "answers": _answers(a, b),
    }


def _describe(side: Side) -> dict[str, Any]:
    told = side.report
    return {
        "run": str(side.folder.path),
        "generation": side.generation,
        "state": side.state.hash,
        "decision": told.decision if told else "start",
        "score": told.candidate.mean if told and told.candidate else None,
        "gain": told.gain.mean if told and told.gain else None,
    }


def _pairs(a: Any, b: Any) -> dict[str, list[Any]]:
    """Return what differs between two mappings."""
    names = sorted({*a, *b})
    return {n: [a.get(n), b.get(n)] for n in names if a.get(n) != b.get(n)}


def _hashes(state: State) -> dict[str, str]:
    return {name: component.hash for name, component in state.items()}


def _measures(side: Side) -> dict[str, float]:
    return side.report.measures if side.report else {}


def _families(a: Side, b: Side) -> dict[str, list[float | None]]:
    """Return the candidates' score by family. The anchors are those of each generation, so small
    differences may be theirs."""
    ours, theirs = (
        {n: f.candidate for n, f in side.report.families.items()} if side.report else {}
        for side in (a, b)
    )
    return {name: [ours.get(name), theirs.get(name)] for name in sorted({*ours, *theirs})}


def _records(side: Side) -> Sequence[Any]:
    return side.folder.read_records(side.generation) if side.generation else []


def _proposals(side: Side) -> list[str]:
    records = _records(side)
    written = [r.attempt.answer for r in records if isinstance(r, Trace) and r.role == "proposer"]
    if written:
        return list(spread(written, SAMPLES))
    programs = {r.program: r.score for r in records if isinstance(r, Evaluation)}
    return sorted(programs, key=lambda text: (-programs[text], text))[:SAMPLES]


def _answers(a: Side, b: Side) -> list[dict[str, Any]]:
    """Return answers to tasks that both generations tried; of each alone where there are none."""
    ours, theirs = _solved(a), _solved(b)
    both = [task for task in ours if task in theirs]
    shown = spread(both, SAMPLES) or [*spread(list(ours), 2), *spread(list(theirs), 2)]
    return [
        {
            "task": (ours.get(task) or theirs[task]).task.prompt,
            "answers": [_answer(side.get(task)) for side in (ours, theirs)],
        }
        for task in shown
    ]


def _solved(side: Side) -> dict[str, Trace]:
    found: dict[str, Trace] = {}
    for record in _records(side):
        if isinstance(record, Trace) and record.role != "proposer":
            found.setdefault(record.task.id, record)
    return found


def _answer(trace: Trace | None) -> dict[str, Any] | None:
    return {"text": trace.attempt.answer, "passed": trace.verdict.passed} if trace else None
