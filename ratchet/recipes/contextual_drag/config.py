"""Settings of the contextual-drag recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ratchet.engine.protocol import Adapter, Full, Optim
from ratchet.loop.config import RunConfig


class Config(RunConfig):
    """Settings of a run."""

    retry: Literal[
        "append", "restart", "detect", "filter", "revise", "lesson", "correction", "auto"
    ] = "auto"
    """What a retry sees of a failure; ``auto`` begins with ``append`` and goes by its findings."""
    families: tuple[str, ...] = ("two", "three")
    """Families of Countdown that are practised."""
    warm_steps: int = Field(default=400, ge=0)
    """Supervised steps before generation 0, on problems with drafts of known reliability."""
    warm_rows: int = Field(default=48, ge=1)
    """Rows of a supervised step."""
    reliability: float = Field(default=0.7, ge=0.0, le=1.0)
    """Share of right drafts in the supervised problems: at 0.7, leaning on them is rational."""
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
    lr: float = Field(default=3e-4, gt=0.0)
    """Learning rate of practice."""
    warm_lr: float = Field(default=2e-3, gt=0.0)
    """Peak learning rate of the supervised steps."""
    rank: int = Field(default=0, ge=0)
    """Rank of the adapter; 0 trains a full copy."""
    max_tokens: int = Field(default=24, ge=1)
    """Most tokens of a reply."""
    device: str = "cpu"
    """Where to compute."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What frozen weights are computed in."""

    @property
    def kind(self) -> Adapter | Full:
        """What is trained."""
        return Adapter(self.rank) if self.rank else Full()

    @property
    def optim(self) -> Optim:
        """The optimiser of practice."""
        return Optim(self.lr)
