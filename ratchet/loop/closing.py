"""The final measurement: base, untrained, incumbent and branch on the stream that opens once."""

from __future__ import annotations

from typing import Any

from ratchet.core.codec import hash_data, to_data
from ratchet.core.events import Event, Listener
from ratchet.core.evidence import Scores
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.core.state import State
from ratchet.guard.evaluator import Evaluator
from ratchet.loop.config import RunConfig
from ratchet.loop.position import Position
from ratchet.loop.recipe import Recipe
from ratchet.loop.study import measure_all
from ratchet.worlds.protocol import Stream


def closing_states(position: Position) -> dict[str, State]:
    """Return the states that the final stream is opened for, by name."""
    return {
        "untrained": position.initial,
        "incumbent": position.incumbent,
        "last_candidate": position.branch,
    }


def seal(chosen: str, position: Position) -> str:
    """Return the hash that binds the final stream to a base procedure and the closing states."""
    return hash_data([chosen, *(state.hash for state in closing_states(position).values())])


def measure_final(
    recipe: Recipe,
    config: RunConfig,
    evaluator: Evaluator,
    chosen: str,
    position: Position,
    tell: Listener,
) -> dict[str, Any]:
    """Return the final ``scores`` by name, and the ``labels`` under which they were measured.

    Equal solvers are measured once: the fair base is often the untrained policy itself.
    """
    solvers: dict[str, Solver] = {"base": recipe.bases(position.initial.replace())[chosen]}
    for name, state in closing_states(position).items():
        solvers[name] = recipe.solver(state.replace())
    sealed, seed = seal(chosen, position), Seed(config.seed).child("measure")
    scores: dict[str, Scores] = {}
    labels: dict[str, str] = {}
    for name, solver in solvers.items():
        labels[name] = next((label for label in scores if solvers[label] == solver), name)
        if labels[name] == name:
            tell(Event("phase", {"phase": "final", "what": f"final measurement: {name}"}))
            only = {name: solver}
            n = config.final_items
            scores |= measure_all(evaluator, only, Stream.FINAL, n, 0, seed, sealed)
    return {
        "scores": {name: to_data(scores[label]) for name, label in labels.items()},
        "labels": labels,
    }
