"""Language Self-Play's settings: those of co-evolution, with the game's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ratchet.recipes.coevolution.settings import Effort, Settings
from ratchet.verify.quality import CRITERIA, Corruption

_OF_OTHERS = (
    *("profile", "difficulty", "uncertainty", "tool_use", "repetition", "own_share", "invalid"),
    *("floored", "boundary", "rule", "adpo_normalise"),
)
"""Settings of other recipes' rewards and rules, which have no effect here."""


class Config(Settings):
    """Settings of Language Self-Play, where they differ from those of Agent0."""

    roles: Literal["separate", "shared"] = "shared"
    """Whether challenger and solver are one policy, as in the paper, or two."""
    tool: bool = False
    """Whether the solver has the calculator; the paper has no tools."""
    max_turns: int = Field(default=1, ge=1)
    """Most turns of an attempt with the tool."""
    rule: Literal["adpo", "grpo"] = "grpo"
    """Has no effect: the rule is the game's own."""
    proposer_steps: int = Field(default=4, ge=0)
    """Joint steps of challenger and solver in a generation."""
    proposals: int = Field(default=32, ge=2)
    """Queries in a joint step."""
    quality: float = Field(default=1.0, ge=0.0)
    """Weight of the quality self-reward, a mean in [0, 1], for both roles; 0 is LSP-Zero."""
    judge: Literal["self", "rule"] = "self"
    """``self``: the frozen first state of the solver judges; ``rule``: form does, see
    `verify.quality`."""
    corrupt: Corruption = "no"
    """What becomes of the judge's scores: ``permuted`` deals them out anew within a step,
    ``constant`` replaces them by one half (controls)."""
    challenger_weight: float = Field(default=1.0, gt=0.0)
    """The paper's alpha: weight of the challenger's loss. With separate policies Adam undoes it."""
    solver_kl: float = Field(default=0.02, ge=0.0)
    """The paper's beta for the solver: weight of its KL to its frozen first state."""
    proposer_kl: float = Field(default=0.02, ge=0.0)
    """The paper's beta for the challenger."""
    rl_from: int = Field(default=0, ge=0)
    """Generation from which on the solver alone learns, on tasks drawn evenly by family (``pool``,
    ``tasks``, ``batch``, the band): LSP-then-RL; 0: never."""
    band_low: float = 0.0
    """Lowest pass rate of a task that is kept, included; the game itself has no band."""
    band_high: float = 1.0
    """Highest pass rate of a task that is kept, included."""

    @classmethod
    def fit(cls, profile: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return nothing: no code was published, and other papers' profiles are not this one's."""
        return {}

    @model_validator(mode="after")
    def _own(self) -> Self:
        for name in _OF_OTHERS:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} has no effect here: the challenger earns -V + w V_Q")
        return self

    @property
    def effort(self) -> Effort:
        """What a generation amounts to at most: the dearer of a game and plain RL."""
        asked, tasks = self.proposer_steps * self.proposals, min(self.tasks, self.pool)
        drilled = self.epochs * tasks * self.attempts * self.drills
        judged = asked * self.attempts * len(CRITERIA) * 2 * self.max_tokens * self.asks_itself
        return Effort(
            max(asked, self.pool * self.drills),
            max(asked * (self.attempts + 1), drilled),
            max(self.proposer_steps, self.epochs * -(-tasks // self.batch) * self.drills),
            judged,
        )

    def plays(self, generation: int) -> bool:
        """Whether a generation is one of the game, not of plain RL."""
        return self.proposer != "uniform" and not 0 < self.rl_from <= generation

    @property
    def drills(self) -> bool:
        """Whether any generation is one of plain RL."""
        return any(not self.plays(n) for n in range(1, self.generations + 1))

    @property
    def asks_itself(self) -> bool:
        """Whether the frozen first solver is asked for quality."""
        return self.quality > 0.0 and self.judge == "self"
