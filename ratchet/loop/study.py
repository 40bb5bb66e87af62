"""Studies: measuring without a gate, on the same evaluator and, if wanted, the same ledger."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.core.codec import to_data
from ratchet.core.evidence import Scores
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.guard.evaluator import Evaluator
from ratchet.loop.ledger import Ledger
from ratchet.worlds.protocol import Stream


def measure_all(
    evaluator: Evaluator,
    solvers: Mapping[str, Solver],
    stream: Stream,
    n: int,
    draw: int,
    seed: Seed,
    sealed: str = "",
) -> dict[str, Scores]:
    """Measure several solvers on the same anchors, by name. All share one seed, so equal solvers
    give equal answers."""
    return {
        name: evaluator.measure(
            solver, stream, n, draw, seed.child(str(stream), draw), name, sealed
        )
        for name, solver in solvers.items()
    }


def study(
    name: str,
    ledger: Ledger,
    evaluator: Evaluator,
    solvers: Mapping[str, Solver],
    stream: Stream,
    n: int,
    draw: int,
    seed: Seed,
) -> dict[str, Scores]:
    """Measure several solvers on the same anchors and commit the scores item by item."""
    scores = measure_all(evaluator, solvers, stream, n, draw, seed.child("study", name))
    body = {
        "name": name,
        "stream": str(stream),
        "draw": draw,
        "n": n,
        "scores": {label: to_data(value) for label, value in scores.items()},
        "evaluator": to_data(evaluator.mark),
    }
    ledger.append("study", body)
    return scores
