"""The settings of co-evolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from ratchet.curriculum.difficulty import DIFFICULTIES, reachable
from ratchet.curriculum.rewards import ProposerWeights
from ratchet.diagnose.information_gain import STOP
from ratchet.engine.protocol import Adapter, Full, Optim
from ratchet.loop.config import RunConfig
from ratchet.recipes.coevolution.profiles import PROFILES
from ratchet.verify.labels import Labels


@dataclass(frozen=True)
class Effort:
    """Upper bounds on one generation."""

    proposals: int
    """Texts that the proposer writes; each may be a task that is attempted."""
    rows: int
    """Attempts and proposals trained on."""
    steps: int
    """Optimiser steps of the solver."""
    read: int = 0
    """Tokens read beside: by a judge."""


class Settings(RunConfig):
    """Settings of a proposer and a solver beside those of every run."""

    profiles: ClassVar[Mapping[str, Mapping[str, Any]]] = PROFILES
    """What ``paper`` and ``release`` set."""

    profile: Literal["ours", "paper", "release"] = "ours"
    """``paper`` and ``release`` set what the text and the published code say on the method, where
    they can be told apart; sizes stay those of the tier. See ``profiles``."""
    device: str = "cpu"
    """Torch device."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of frozen weights and of computing."""
    sampling: Literal["exact", "bfloat16", "auto"] = "exact"
    """``bfloat16``: on a CPU adapters sample from rounded weights; ``auto``: where that is fast."""
    training: Literal["exact", "bfloat16", "auto"] = "exact"
    """The same for the weights that adapters are trained on."""
    micro_tokens: int = Field(default=512, ge=1)
    """Most packed tokens trained on at once, beyond the worked examples: memory grows with it."""
    rank: int = Field(default=16, ge=0)
    """Rank of each role's LoRA adapter; 0 trains full copies."""
    alpha: float = 32.0
    """Scale of the adapters."""
    proposer: Literal["trained", "frozen", "uniform"] = "trained"
    """``frozen`` never learns; ``uniform`` draws tasks from the world instead (controls)."""
    roles: Literal["separate", "shared"] = "separate"
    """Whether proposer and solver are two policies or one."""
    labels: Literal["execution", "plurality", "gated"] = "execution"
    """What decides that an attempt is right; the papers use ``plurality``. ``gated`` is plurality
    where at least ``agreement`` of the attempts agree."""
    agreement: float = Field(default=0.5, ge=0.0, le=1.0)
    """Least share of attempts that must agree, for gated labels."""
    systematic: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of tasks on which all wrong answers count as one in the vote (an experiment)."""
    reward: Literal["labels", "random"] = "labels"
    """``random``: the solver is paid by coin flips (control)."""
    tool: bool = True
    """Whether the solver has the calculator."""
    rule: Literal["adpo", "grpo", "task_relative"] = "adpo"
    """The solver's update rule."""
    adpo_normalise: bool = True
    """Whether ADPO's scale is divided by its mean, so that its mean step is that of GRPO."""
    solver_kl: float = Field(default=0.0, ge=0.0)
    """Weight of the solver's KL to its frozen first state."""
    proposer_kl: float = Field(default=0.0, ge=0.0)
    """Weight of the proposer's KL to its frozen first state."""
    examples: tuple[str, ...] = ()
    """Open tasks that the proposer is shown: it starts from their kinds and sizes. Left out: some
    of the charter's world."""
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
    difficulty: str = "uncertainty"
    """What the proposer is paid for the solver's pass rate: uncertainty, learnability, band or
    lesser_share."""
    uncertainty: float = 1.0
    """Weight of the difficulty in the proposer's reward."""
    tool_use: float = 0.6
    """Weight of the solver's tool calls."""
    repetition: float = 1.0
    """Weight of the repetition penalty."""
    own_share: bool = False
    """Whether a proposal counts itself in its cluster of repetitions."""
    boundary: float = 0.0
    """What a task earns whose difficulty pays nothing."""
    invalid: float = 0.0
    """What a proposal earns that is no task."""
    floored: bool = True
    """Whether a task earns at least 0."""
    max_tokens: int = Field(default=32, ge=1)
    """Most tokens that a policy writes in one attempt, for every procedure."""
    max_turns: int = Field(default=4, ge=1)
    """Most turns of an attempt with the tool."""
    quality_texts: int = Field(default=200, ge=0)
    """Everyday texts that are scored before and after; 0 leaves the probe out."""
    pinned_tasks: int = Field(default=24, ge=0)
    """New tasks of each generation that the generation-0 solver attempts too."""

    held_tasks: int = Field(default=0, ge=0)
    """Open tasks, the same in every generation and never trained on, that the solver attempts
    ``attempts`` times: its pass@1 and pass@k."""

    transfer_items: int = Field(default=0, ge=0)
    """Problems of a second, untouched world that the first and the live solver answer."""

    gain_stop: Literal["off", "tell", "halt"] = "off"
    """Whether learnable information gain is measured. ``tell``: an alarm where two rounds in a row
    hold nothing new. ``halt``: three such rounds stop the run, if it has gone down on the held
    tasks too; see docs/monitors.md."""

    @classmethod
    def read(cls, path: Path, **overrides: Any) -> Self:
        """Read a tier; a profile's values win over the tier's, those given here over both."""
        profile = cls.profiles.get(str(overrides.get("profile", "")), {})
        return super().read(path, **{**cls.fit(profile), **overrides})

    @classmethod
    def fit(cls, profile: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what of a profile applies to this method; Agent0's as it is."""
        return profile

    @field_validator("difficulty")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in DIFFICULTIES:
            raise ValueError(f"choose one of: {', '.join(DIFFICULTIES)}")
        return name

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not reachable(self.band_low, self.band_high, self.attempts):
            raise ValueError(
                f"no pass rate of {self.attempts} attempts lies in the band from "
                f"{self.band_low:g} to {self.band_high:g}: widen it or raise attempts"
            )
        return self

    @model_validator(mode="after")
    def _held(self) -> Self:
        least = STOP.least
        if self.gain_stop == "halt" and self.held_tasks < least:
            raise ValueError(f"gain_stop = 'halt' asks held tasks: held_tasks must be {least} up")
        return self

    @property
    def policies(self) -> tuple[str, ...]:
        """Names of the policies: one for each role, or one for both."""
        return ("solver",) if self.roles == "shared" else ("proposer", "solver")

    def policy(self, role: str) -> str:
        """Return the name of the policy that acts in a role."""
        return role if self.roles == "separate" else "solver"

    @property
    def teaches(self) -> bool:
        """Whether the proposer learns."""
        return self.proposer == "trained" and self.proposer_steps > 0

    @property
    def label(self) -> Labels:
        """What labels attempts."""
        source = "random" if self.reward == "random" else self.labels
        return Labels(source, self.agreement, self.systematic)

    @property
    def kind(self) -> Adapter | Full:
        """How policies are trained."""
        return Adapter(self.rank, self.alpha) if self.rank else Full()

    @property
    def weights(self) -> ProposerWeights:
        """Weights of the proposer's reward; without a tool there is no tool term."""
        return ProposerWeights(
            self.uncertainty,
            self.tool_use if self.tool else 0.0,
            self.repetition,
            self.difficulty,
            self.invalid,
            0.0 if self.floored else None,
            self.own_share,
            self.boundary,
        )

    @property
    def answering(self) -> str:
        """Name of the procedure by which the solver works."""
        return "few_shot_tool" if self.tool else "few_shot"

    @property
    def effort(self) -> Effort:
        """What a generation amounts to at most."""
        learning = self.proposer_steps * self.proposals
        tasks = min(self.tasks, self.pool)
        return Effort(
            learning * (self.proposer == "trained") + self.pool,
            self.epochs * tasks * self.attempts + learning,
            self.epochs * -(-tasks // self.batch),
        )

    def kl(self, role: str) -> float:
        """Return the weight of a role's KL to its first state."""
        return self.solver_kl if role == "solver" else self.proposer_kl

    def optim(self, role: str) -> Optim:
        """Return the optimiser's settings for a role."""
        return Optim(self.solver_lr if role == "solver" else self.proposer_lr)
