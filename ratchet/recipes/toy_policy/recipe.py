"""Two softmax tables that teach each other: one proposes arithmetic, one learns how to work it out.

Toy: the solver picks one of eight strategies by the shape of a prompt ("n + n * n"); the proposer
picks shapes and is paid for those the solver is unsure of. Real policy gradients on sealed anchors,
in seconds and without torch. It shows the loop; it shows nothing about language models.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from ratchet.core.seeds import Seed
from ratchet.core.state import Candidate, State
from ratchet.curriculum.propose import REQUEST, pick_new, read_proposals, trace_proposals
from ratchet.engine.fake import FakeEngine
from ratchet.engine.protocol import Full, Optim
from ratchet.learn.grpo import grpo
from ratchet.learn.step import step
from ratchet.loop.config import RunConfig
from ratchet.loop.policies import close_policies, create_policies, opened
from ratchet.loop.recipe import Context, Mechanism, Recipe
from ratchet.loop.versions import Store
from ratchet.recipes.toy_policy.parts import BASES, ROLES, SOLVE, attempt, can_learn, fill_in, pay
from ratchet.solve.stored import StoredSolver
from ratchet.verify.labels import judge_groups, trace_labelled
from ratchet.worlds.arithmetic import Arithmetic


class Config(RunConfig):
    """Settings of the toy."""

    proposals: int = 96
    attempts: int = 8
    lr: float = 0.15
    labels: Literal["execution", "random"] = "execution"
    proposer: Literal["trained", "frozen"] = "trained"


class ToyPolicy(Recipe):
    """See the module."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config, self.store, self.world = config, store, Arithmetic()
        self.engine, self.optim = FakeEngine(BASES), Optim(config.lr, max_grad_norm=0.0)

    def initial(self, seed: Seed) -> State:
        """Start from two uniform tables."""
        return create_policies(self.engine, self.store, {r: r for r in ROLES}, Full(), seed)

    def mechanisms(self, state: State, seed: Seed) -> list[Mechanism]:
        """Return both learners."""
        learning = partial(can_learn, self.engine, self.store, state, seed, self.optim)
        return [Mechanism(f"learner.{role}", partial(learning, role)) for role in ROLES]

    def improve(self, state: State, context: Context) -> Candidate:
        """Propose, solve, judge, learn."""
        with opened(self.engine, self.store, state, *ROLES):
            asked = attempt(self.engine, "proposer", [REQUEST], context.seed, self.config.proposals)
            proposals = read_proposals(self.world, fill_in(asked[0], context.seed))
            tasks = pick_new(proposals, frozenset())
            groups = attempt(self.engine, "solver", tasks, context.seed, self.config.attempts)
            judged = judge_groups(self.world, tasks, groups, self.config.labels, context.seed)
            written = trace_proposals(proposals, pay(proposals, judged))
            solved = [trace_labelled(group) for group in judged]
            step(self.engine, "solver", grpo(solved), self.optim, context.observe)
            if self.config.proposer == "trained":
                update = grpo([written], baseline="role")
                step(self.engine, "proposer", update, self.optim, context.observe)
            state = state.replace(**close_policies(self.engine, self.store, *ROLES))
        return Candidate(state, (*written, *(trace for group in solved for trace in group)))

    def solver(self, state: State) -> StoredSolver:
        """Answer by the solver's table, greedily."""
        return StoredSolver(self.engine, self.store, state, SOLVE)


build = ToyPolicy
