"""Measuring candidate and incumbent on the same fresh anchors, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ratchet.core.events import Event, Listener
from ratchet.core.evidence import Evidence, Scores
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.guard.evaluator import Evaluator
from ratchet.worlds.protocol import Stream


@dataclass
class Pair:
    """The draws of one decision: what a gate is given as its `Draw`.

    It keeps what was measured of single families, so that no gate can leave it out.
    """

    evaluator: Evaluator
    candidate: Solver
    incumbent: Solver | None
    """None if it is the candidate: equal states are measured once."""
    generation: int
    """Number of the draw."""
    seed: Seed
    """The solvers'; both get the same."""
    tell: Listener
    """Where events go."""
    capabilities: Evidence = field(
        default_factory=lambda: Evidence(str(Stream.GATE), Scores(()), Scores(()))
    )
    """All draws of named families so far, in one."""
    batches: int = 0
    """Batches drawn so far."""

    def __call__(self, n: int, families: Sequence[str] = ()) -> Evidence:
        """Measure both on ``n`` more anchors, or on ``n`` of each of these families."""
        ours = self._measure("candidate", self.candidate, n, families)
        theirs = ours
        if self.incumbent is not None:
            theirs = self._measure("incumbent", self.incumbent, n, families)
        self.batches += 1
        if families:
            self.capabilities = Evidence(
                str(Stream.GATE),
                Scores(self.capabilities.candidate.items + ours.items),
                Scores(self.capabilities.incumbent.items + theirs.items),
            )
        return Evidence(str(Stream.GATE), ours, theirs)

    def _measure(self, name: str, solver: Solver, n: int, families: Sequence[str]) -> Scores:
        self.tell(Event("phase", {"phase": "measure", "what": f"measuring the {name}"}))
        seed = self.seed.child(str(Stream.GATE), self.generation)
        if self.batches:
            seed = seed.child("batch", self.batches)
        return self.evaluator.measure(
            solver,
            Stream.GATE,
            n,
            self.generation,
            seed,
            name,
            batch=self.batches,
            families=families,
        )
