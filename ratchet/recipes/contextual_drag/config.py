"""Settings of the contextual-drag recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ratchet.engine.protocol import Adapter, Full, Optim
from ratchet.loop.config import RunConfig
from ratchet.recipes.contextual_drag.protocol import Protocol
from ratchet.recipes.contextual_drag.weights import Warm


class Config(RunConfig):
    """Settings of a run."""

    retry: Literal[
        "append", "restart", "detect", "filter", "revise", "lesson", "correction", "auto"
    ] = "auto"
    """What a retry sees of a failure; ``auto`` begins with ``append`` and goes by its findings."""
    families: tuple[str, ...] = ("two", "three")
    """Families of Countdown that are practised."""
    warm_steps: int = Field(default=Warm().steps, ge=1)
    """Steps in which a small model learns Countdown, where ``model`` is countdown-small, -middle or
    -large: made once for each size and seed, and kept in the model cache."""
    reliability: float = Field(default=Warm().reliability, ge=0.0, le=1.0)
    """Share of right drafts in what it learns: at 0.7, leaning on them is rational."""
    shots: bool = False
    """Whether every prompt begins with examples: for models that were not taught the format."""
    tasks: int = Field(default=64, ge=1)
    """Tasks practised in a generation."""
    tries: int = Field(default=6, ge=1)
    """Most attempts at a task, in practice and in measurement."""
    tokens: int = Field(default=400, ge=0)
    """Most tokens of a task, read and written, in practice and in measurement; 0 is no limit."""
    epochs: int = Field(default=2, ge=1)
    """Passes over the solved attempts."""
    batch: int = Field(default=32, ge=1)
    """Attempts in an optimiser step."""
    measure_every: int = Field(default=3, ge=1)
    """Generations between two measurements of drag, the first being generation 1."""
    drag_problems: int = Field(default=60, ge=2)
    """Size of the matched subset on which drag is measured."""
    drag_threshold: float = Field(default=0.0, ge=0.0, le=1.0)
    """Drag is acted on where its interval lies above this."""
    study: Literal["none", "copying", "whole"] = "none"
    """What is measured of the first state after the last decision: how much it copies, or the whole
    protocol with retries and fallback fine-tuning."""
    study_problems: int = Field(default=100, ge=2)
    """Size of the matched subset of that study; also the tasks on which ``auto`` ends beside
    ``append``."""
    tune: int = Field(default=60, ge=1)
    """Steps of fallback fine-tuning in the whole protocol."""
    lr: float = Field(default=3e-4, gt=0.0)
    """Learning rate of practice."""
    rank: int = Field(default=0, ge=0)
    """Rank of the adapter; 0 trains a full copy."""
    max_tokens: int = Field(default=24, ge=1)
    """Most tokens of a reply."""
    device: str = "cpu"
    """Where to compute."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What frozen weights are computed in."""

    def measures_drag(self, generation: int) -> bool:
        """Whether drag is measured in a generation, from 1."""
        return generation > 0 and (generation - 1) % self.measure_every == 0

    @property
    def kind(self) -> Adapter | Full:
        """What is trained."""
        return Adapter(self.rank) if self.rank else Full()

    @property
    def warm(self) -> Warm:
        """How a small model learns Countdown."""
        return Warm(steps=self.warm_steps, reliability=self.reliability)

    @property
    def protocol(self) -> Protocol:
        """How the study is made."""
        sizes = (self.families[-1], self.study_problems, self.tokens, self.tries, self.tune)
        return Protocol(*sizes)

    @property
    def optim(self) -> Optim:
        """The optimiser of practice."""
        return Optim(self.lr)
