"""Agent0's settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ratchet.curriculum.rewards import ProposerWeights
from ratchet.engine.protocol import Adapter, Full, Optim
from ratchet.loop.config import RunConfig


class Config(RunConfig):
    """Settings of Agent0 beside those of every run."""

    device: str = "cpu"
    """Torch device."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of frozen weights and of computing."""
    sampling: Literal["exact", "bfloat16", "auto"] = "exact"
    """``bfloat16``: on a CPU adapters sample from rounded weights; ``auto``: where that is fast."""
    micro_tokens: int = Field(default=512, ge=1)
    """Most packed tokens trained on at once, beyond the worked examples: memory grows with it."""
    rank: int = Field(default=16, ge=0)
    """Rank of each role's LoRA adapter; 0 trains full copies."""
    alpha: float = 32.0
    """Scale of the adapters."""
    proposer: Literal["trained", "frozen", "uniform"] = "trained"
    """``frozen`` never learns; ``uniform`` draws tasks from the world instead (controls)."""
    labels: Literal["execution", "plurality"] = "execution"
    """What decides that an attempt is right; the paper uses ``plurality``."""
    reward: Literal["labels", "random"] = "labels"
    """``random``: the solver is paid by coin flips (control)."""
    tool: bool = True
    """Whether the solver has the calculator."""
    rule: Literal["adpo", "grpo"] = "adpo"
    """The solver's update rule."""
    examples: tuple[str, ...] = Field(
        default=(
            "8 + 6",
            "47 - 19",
            "6 * 13",
            "(9 + 4) * 3",
            "52 + 7 * 6",
            "20 - 3 + 8 * 2",
            "5 * (14 - 6)",
        ),
        min_length=1,
    )
    """Open tasks that the proposer is shown: it starts from their kinds and sizes."""
    proposer_steps: int = Field(default=1, ge=0)
    """Steps of the proposer in a generation, the solver frozen."""
    proposals: int = Field(default=48, ge=1)
    """Proposals in one proposer step."""
    pool: int = Field(default=96, ge=1)
    """Proposals from which the solver's tasks are taken."""
    tasks: int = Field(default=48, ge=1)
    """Most tasks the solver is trained on in a generation."""
    attempts: int = Field(default=8, ge=2)
    """Attempts at each task: the paper's k."""
    batch: int = Field(default=16, ge=1)
    """Tasks in one step of the solver."""
    epochs: int = Field(default=1, ge=1)
    """Passes over the solver's tasks; from the second on clipping acts."""
    band_low: float = 0.3
    """Lowest pass rate of a task that is kept, included."""
    band_high: float = 0.8
    """Highest pass rate of a task that is kept, included."""
    solver_lr: float = 5e-4
    """Learning rate of the solver."""
    proposer_lr: float = 3e-4
    """Learning rate of the proposer."""
    uncertainty: float = 1.0
    """Weight of the solver's uncertainty in the proposer's reward."""
    tool_use: float = 0.6
    """Weight of the solver's tool calls."""
    repetition: float = 1.0
    """Weight of the repetition penalty."""
    max_tokens: int = Field(default=32, ge=1)
    """Most tokens that a policy writes in one attempt, for every procedure."""
    max_turns: int = Field(default=4, ge=1)
    """Most turns of an attempt with the tool."""
    quality_texts: int = Field(default=200, ge=0)
    """Everyday texts that are scored before and after; 0 leaves the probe out."""
    pinned_tasks: int = Field(default=24, ge=0)
    """New tasks of each generation that the generation-0 solver attempts too."""

    @property
    def kind(self) -> Adapter | Full:
        """How policies are trained."""
        return Adapter(self.rank, self.alpha) if self.rank else Full()

    @property
    def weights(self) -> ProposerWeights:
        """Weights of the proposer's reward; without a tool there is no tool term."""
        return ProposerWeights(
            self.uncertainty, self.tool_use if self.tool else 0.0, self.repetition
        )

    def optim(self, role: str) -> Optim:
        """Return the optimiser's settings for a role."""
        return Optim(self.solver_lr if role == "solver" else self.proposer_lr)
