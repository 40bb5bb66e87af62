"""Three statements on when self-play works, each tried on a toy in the epilogue of a toy's run.

Does the alarm of learnable gain come before the peak of a learner that memorises? Do observers of
middling size find most to learn in the same texts? Is the reward of self-imitation bounded by a
chi-square objective? The loop itself is that of `toy_policy`; the studies are in `studies` and
`imitation`. Simulations and tables: none of it is a language model.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.recipes.toy_policy.recipe import Config as ToyConfig
from ratchet.recipes.toy_policy.recipe import ToyPolicy
from ratchet.recipes.toy_self_play.imitation import compare_imitation
from ratchet.recipes.toy_self_play.studies import follow_gain, size_observers


class Config(ToyConfig):
    """Settings of the toy."""

    observers: tuple[int, ...] = Field(default=(3, 8, 24, 72), min_length=3)
    """Hidden units of the observers, smallest first."""
    imitation_rounds: int = Field(default=3, ge=1)
    """Rounds of self-imitation."""


class ToySelfPlay(ToyPolicy):
    """See the module."""

    config: Config

    def epilogue(self, initial: State, final: State) -> dict[str, Any]:
        """Return what the three studies found, by the run's seed."""
        seed = Seed(self.config.seed).child("studies")
        return {
            "gain": follow_gain(seed.child("gain")),
            "epiplexity": size_observers(self.config.observers, seed.child("epiplexity")),
            "imitation": compare_imitation(self.config.imitation_rounds, seed.child("imitation")),
        }


build = ToySelfPlay
