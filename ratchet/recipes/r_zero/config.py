"""R-Zero's settings: those of co-evolution, without a tool, labelled by plurality, by GRPO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from ratchet.recipes.coevolution.settings import Settings

_NOT_ITS_OWN = {"tool_use", "rule", "adpo_normalise", "max_turns"}


class Config(Settings):
    """Settings of R-Zero, where they differ from those of Agent0."""

    tool: bool = False
    """Whether the solver has the calculator; R-Zero has no tools."""
    labels: Literal["execution", "plurality", "gated"] = "plurality"
    """What decides that an attempt is right. ``execution`` is the control without label noise."""
    rule: Literal["adpo", "grpo", "task_relative"] = "grpo"
    """The solver's update rule."""
    tool_use: float = 0.0
    """Weight of the solver's tool calls; without the tool there is no such term."""
    solver_kl: float = Field(default=0.01, ge=0.0)
    """Weight of the solver's KL to its frozen first state."""
    proposer_kl: float = Field(default=0.01, ge=0.0)
    """Weight of the proposer's KL to its frozen first state."""
    max_turns: int = Field(default=1, ge=1)
    """Most turns of an attempt with the tool."""

    @classmethod
    def fit(cls, profile: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a profile without what is Agent0's alone: the rest is the same in both papers."""
        return {name: value for name, value in profile.items() if name not in _NOT_ITS_OWN}
