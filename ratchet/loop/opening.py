"""The start of a run: the initial state, planted triggers, and the fair base."""

from __future__ import annotations

from typing import Any

from ratchet.core.codec import to_data
from ratchet.core.events import Event, Listener
from ratchet.core.evidence import Scores
from ratchet.core.seeds import Seed
from ratchet.guard.evaluator import Evaluator
from ratchet.loop.amend import describe_charter
from ratchet.loop.config import RunConfig
from ratchet.loop.gate import Gate
from ratchet.loop.gates import describe_gate
from ratchet.loop.liveness import plant
from ratchet.loop.monitor import try_out
from ratchet.loop.recipe import Recipe
from ratchet.loop.study import measure_all
from ratchet.sandbox.require import describe
from ratchet.worlds.protocol import Stream


def open_run(
    recipe: Recipe, config: RunConfig, evaluator: Evaluator, gate: Gate, tell: Listener
) -> dict[str, Any]:
    """Make the initial state, plant, choose the base procedure on audit anchors; return what the
    ledger keeps of it, but for code, machine and cost. With a dead mechanism nothing is measured.
    """
    seed = Seed(config.seed)
    tell(Event("phase", {"phase": "start", "what": "making the initial state"}))
    given = recipe.initial(seed.child("initial"))
    # What a recipe is given, and what it gives, is copied: changed later, it moves no pointer.
    initial = given.replace()
    tell(Event("phase", {"phase": "plant", "what": "checking that mechanisms are alive"}))
    planted = plant(recipe.mechanisms(given, seed.child("plant")), recipe.probes, given)
    planted |= try_out(recipe.monitors, config.window)
    bases: dict[str, Scores] = {}
    if all(planted.values()):
        tell(Event("phase", {"phase": "base", "what": "choosing the base procedure"}))
        n, at = config.audit_items, seed.child("base")
        bases = measure_all(evaluator, recipe.bases(given), Stream.AUDIT, n, 0, at)
    tell(Event("measured", {"base": {name: s.mean for name, s in bases.items()}}))
    return {
        "config": config.model_dump(mode="json"),
        **describe_charter(evaluator.charter),
        "evaluator_source": evaluator.opened.source,
        "knows_reserved": evaluator.opened.knows_reserved,
        "gate": describe_gate(gate),
        "initial": to_data(initial),
        "planted": planted,
        "parameters": dict(recipe.parameters),
        "base": {
            "chosen": max(bases, key=lambda name: bases[name].mean) if bases else "",
            "scores": {name: to_data(scores) for name, scores in bases.items()},
        },
        "sandbox": describe(recipe.sandbox),
        "evaluator": to_data(evaluator.mark),
    }
