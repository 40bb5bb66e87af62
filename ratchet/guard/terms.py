"""The terms of the gate: error budgets, anchors, margins. One table of the charter."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from ratchet.core.config import Config

Level = Annotated[float, Field(gt=0.0, lt=1.0)]
"""A probability of error, or a difference of mean scores."""
Count = Annotated[int, Field(ge=1)]
"""A number of anchors, tests or holds."""


class GateTerms(Config):
    """How much error the gate may make in the life of a run, and what it may draw to decide.

    The defaults are the standard configuration, the one whose errors and power ``bench.gate``
    shows.
    """

    alpha: Level = 0.05
    """Probability that the run ever promotes a candidate without a true gain."""
    tests: Count = 20
    """Tests among which alpha is shared evenly; every decision that draws anchors spends one."""
    harm: Level = 0.05
    """Per decision and kind of harm (worse on the whole, a capability lost): probability that a
    candidate is rejected for it without having it."""
    first: Count = 100
    """Anchors before the first look."""
    batch: Count = 50
    """Anchors from look to look."""
    ordinary: Count = 400
    """Anchors after which only a test that may still succeed goes on."""
    cap: Count = 1600
    """The most anchors of one test of the gain."""
    margin: Level = 0.10
    """Loss of mean score that no capability may have suffered."""
    capability_alpha: Level = 0.05
    """Per decision: probability of passing a candidate that lost the margin in some capability."""
    capability_batch: Count = 25
    """Anchors of each capability from look to look."""
    capability_cap: Count = 400
    """The most anchors of one capability."""
    jump: Level = 0.40
    """A larger gain in one decision needs a person's approval."""
    capability_jump: Level | None = None
    """A larger rise of one capability from one generation to the next needs a person's approval,
    where the recipe watches for it (`CapabilityJump`); absent: it is told, and nobody is asked."""
    holds: Count = 6
    """The hold that would make this many in a row is a rejection."""
    step: Level | None = None
    """Step of the Ladder, for a finite set of anchors that is used again; absent: fresh anchors."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.first <= self.ordinary <= self.cap:
            raise ValueError(
                f"first <= ordinary <= cap, not {self.first}, {self.ordinary}, {self.cap}"
            )
        if self.capability_batch > self.capability_cap:
            raise ValueError(
                f"capability_batch {self.capability_batch} is above its cap {self.capability_cap}"
            )
        return self
