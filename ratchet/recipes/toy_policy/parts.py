"""The toy's two tables: what they write, how it is read, what it earns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.core.task import Attempt, Task
from ratchet.curriculum.difficulty import uncertainty
from ratchet.curriculum.propose import REQUEST, Proposal
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.protocol import Optim
from ratchet.learn.grpo import grpo
from ratchet.learn.step import learns
from ratchet.loop.policies import opened
from ratchet.loop.versions import Store
from ratchet.recipes.toy_policy.strategies import SHAPES, STRATEGIES, fill_shape, shape_of
from ratchet.solve.procedure import Procedure
from ratchet.solve.rollout import rollout
from ratchet.verify.labels import Labelled

BASES = {
    "proposer": Tabular(actions=SHAPES, context=lambda text: ""),
    "solver": Tabular(
        actions=tuple(STRATEGIES),
        context=shape_of,
        prior=lambda shape: [0.5 * (name == "left_to_right") for name in STRATEGIES],
    ),
}
"""Base of each role. The proposer sees nothing; the solver sees the shape of a prompt and leans to
working from left to right, which is right for some shapes."""
ROLES = tuple(BASES)
PROPOSE = Procedure("propose", "write a task", max_tokens=1)
SOLVE = Procedure(
    "solve", "{prompt}", max_tokens=1, read=lambda prompt, text: STRATEGIES[text](prompt)
)


def attempt(
    engine: FakeEngine, role: str, tasks: Sequence[Task], seed: Seed, k: int
) -> list[list[Attempt]]:
    """Have a role attempt each task ``k`` times."""
    procedure = PROPOSE if role == "proposer" else SOLVE
    return rollout(engine, role, procedure, tasks, seed.child(role), k)


def fill_in(attempts: Sequence[Attempt], seed: Seed) -> list[Attempt]:
    """Put numbers of one or two digits into the shapes that were proposed."""
    rng = seed.child("numbers").rng()
    return [
        replace(attempt, answer=fill_shape(attempt.answer, rng.integers(2, 40, 3).tolist()))
        for attempt in attempts
    ]


def pay(proposals: Sequence[Proposal], judged: Sequence[Labelled]) -> list[float]:
    """Return each proposal's reward: how unsure the solver is of it, 0 if it is no task."""
    paid = {group.task.id: uncertainty(group.pass_rate) for group in judged}
    return [paid[p.outcome.id] if isinstance(p.outcome, Task) else 0.0 for p in proposals]


def can_learn(
    engine: FakeEngine, store: Store, state: State, seed: Seed, optim: Optim, role: str
) -> bool:
    """Plant a batch in a copy of a role's policy and see its target become likelier."""
    with opened(engine, store, state, role):
        tasks = [REQUEST if role == "proposer" else Task("planted", "", "2 + 3", "", 1)]
        return learns(engine, role, attempt(engine, role, tasks, seed, 16)[0], grpo, optim)
