"""A solver out of a state: its policy is loaded for the time of answering and dropped again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.engine.protocol import Engine
from ratchet.loop.policies import opened
from ratchet.loop.versions import Store
from ratchet.solve.procedure import Procedure
from ratchet.solve.rollout import PolicySolver


@dataclass(frozen=True)
class StoredSolver:
    """The policy of a role of a state with a procedure, greedy."""

    engine: Engine
    store: Store
    state: State
    procedure: Procedure
    role: str = "solver"
    progress: Callable[[int, int], None] = lambda done, total: None

    def answer(self, prompts: Sequence[str], seed: Seed) -> Sequence[str]:
        """Return one answer per prompt."""
        with opened(self.engine, self.store, self.state, self.role):
            solver = PolicySolver(self.engine, self.role, self.procedure, progress=self.progress)
            return solver.answer(prompts, seed)
