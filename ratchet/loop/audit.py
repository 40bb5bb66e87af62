"""What monitors see beside records: candidate and first state on fresh audit anchors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ratchet.core.codec import from_data
from ratchet.core.events import Event, Listener
from ratchet.core.evidence import Scores
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.guard.evaluator import Evaluator
from ratchet.loop.gate import paired_items
from ratchet.loop.ledger import Entry
from ratchet.loop.monitor import Audited, Past
from ratchet.loop.recipe import Recipe
from ratchet.loop.study import measure_all
from ratchet.worlds.protocol import Stream

_MEASURED = ("candidate", "initial")
"""Who is measured, under these labels."""


def measure_audit(
    recipe: Recipe,
    evaluator: Evaluator,
    candidate: State,
    initial: State,
    items: int,
    generation: int,
    root: Seed,
    tell: Listener,
) -> dict[str, Scores]:
    """Measure both on the audit anchors of a generation; nothing if no monitor is to see them."""
    if not recipe.monitors or not items or candidate.hash == initial.hash:
        return {}
    tell(Event("phase", {"phase": "audit", "what": "measuring on audit anchors"}))
    states = (candidate.replace(), initial.replace())
    solvers = {name: recipe.solver(s) for name, s in zip(_MEASURED, states, strict=True)}
    return measure_all(evaluator, solvers, Stream.AUDIT, items, generation, root.child("audit"))


def audited(audit: Mapping[str, Scores]) -> tuple[Audited, ...]:
    """Return both scores by item, without the items' ids."""
    if not audit:
        return ()
    candidate, initial = (audit[name] for name in _MEASURED)
    pairs = paired_items(candidate, initial)
    return tuple(Audited(ours.family, ours.score, theirs.score) for ours, theirs in pairs)


def read_past(entries: Iterable[Entry]) -> list[Past]:
    """Return what monitors know of every generation among these entries of a ledger."""
    past = []
    for entry in entries:
        if entry.kind == "generation":
            audit = entry.body.get("audit", {})
            scores = {name: from_data(Scores, data) for name, data in audit.items()}
            past.append(Past(entry.body.get("readings", {}), audited(scores)))
    return past
