"""The closing measurement: the final stream is opened once, for four solvers on the same items."""

from __future__ import annotations

from typing import Any

from ratchet.core.codec import hash_data, to_data
from ratchet.core.events import Event, Listener
from ratchet.core.evidence import Scores
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.guard.evaluator import Evaluator
from ratchet.loop.config import RunConfig
from ratchet.loop.position import Position
from ratchet.loop.recipe import Recipe
from ratchet.loop.study import measure_all
from ratchet.worlds.protocol import Stream


def measure_final(
    recipe: Recipe,
    config: RunConfig,
    evaluator: Evaluator,
    position: Position,
    base: str,
    seed: Seed,
    tell: Listener,
) -> dict[str, Any]:
    """Return the scores of the fair base, the untrained state, the incumbent and the branch.

    ``base`` names the procedure chosen on audit anchors; ``seed`` is the run's. Equal solvers are
    measured once.
    """
    states = {
        "untrained": position.initial,
        "incumbent": position.incumbent,
        "last_candidate": position.branch,
    }
    sealed = hash_data([base, *(state.hash for state in states.values())])
    measured: list[tuple[Solver, Scores]] = []

    def measure(name: str, solver: Solver) -> Scores:
        for known, scores in measured:
            if known == solver:  # the fair base is often the untrained policy itself
                return scores
        tell(Event("phase", {"phase": "final", "what": f"final measurement: {name}"}))
        at = seed.child("measure")
        found = measure_all(
            evaluator, {name: solver}, Stream.FINAL, config.final_items, 0, at, sealed
        )
        measured.append((solver, found[name]))
        return found[name]

    scores = {"base": measure("base", recipe.bases(position.initial.replace())[base])}
    for name, state in states.items():
        scores[name] = measure(name, recipe.solver(state.replace()))
    return {name: to_data(value) for name, value in scores.items()}
