"""Toys in which one mechanism is dead, each in its own way, and one that only sleeps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ratchet.core.seeds import Seed
from ratchet.core.state import Candidate, State
from ratchet.curriculum.propose import pick_frontier
from ratchet.curriculum.rewards import ProposerWeights, planted_payment
from ratchet.diagnose.proposals import NoValidProposals, RepeatedProposals
from ratchet.engine.fake import FakeEngine
from ratchet.engine.protocol import Optim, StepReport
from ratchet.loop.config import RunConfig
from ratchet.loop.recipe import Context, Mechanism
from ratchet.loop.versions import Store
from ratchet.recipes.toy_policy.parts import BASES
from ratchet.recipes.toy_policy.recipe import ToyPolicy
from ratchet.recipes.toy_program.recipe import ToyProgram


class Paid(ToyPolicy):
    """The toy with Agent0's reward terms among its mechanisms."""

    def mechanisms(self, state: State, seed: Seed) -> list[Mechanism]:
        def plant(name: str) -> bool:
            return all(planted_payment(ProposerWeights()).changed[name])

        names = [f"reward.{term}" for term in ("uncertainty", "tool", "repetition", "format")]
        paid = [Mechanism(name, partial(plant, name)) for name in names]
        return [*super().mechanisms(state, seed), *paid]


class Filtered(ToyProgram):
    """The toy with a filter that is observed as it works in the run."""

    def mechanisms(self, state: State, seed: Seed) -> Sequence[Mechanism]:
        drops = Mechanism("filter.band", lambda: pick_frontier([0.0, 0.5], 0.1, 0.9) == [1])
        return [*super().mechanisms(state, seed), drops]

    def improve(self, state: State, context: Context) -> Candidate:
        rates = [0.0, 0.5, 1.0]
        context.observe("filter.band", len(self.drop(rates)) < len(rates))
        return super().improve(state, context)

    def drop(self, rates: list[float]) -> list[int]:
        return pick_frontier(rates, 0.1, 0.9)


class DropsNothing(Filtered):
    """Its filter works on the planted trigger and lets everything pass afterwards."""

    def drop(self, rates: list[float]) -> list[int]:
        return list(range(len(rates)))


class StillEngine(FakeEngine):
    """An engine whose optimiser takes the gradient and moves nothing."""

    def optim_step(self, name: str, optim: Optim) -> StepReport:
        return super().optim_step(name, Optim(0.0, optim.betas, optim.eps, 0.0, 0.0))


class NeverLearns(ToyPolicy):
    """Its learners do not learn, although they report gradients."""

    def __init__(self, config: RunConfig, store: Store) -> None:
        super().__init__(config, store)  # type: ignore[arg-type]
        self.engine = StillEngine(BASES)


class Deaf(ToyPolicy):
    """One of its probes can never fire."""

    probes = (NoValidProposals(), RepeatedProposals(least_distinct=-1.0))


class Watched(ToyPolicy):
    """Its probes work and have nothing to say."""

    probes = (NoValidProposals(), RepeatedProposals())
