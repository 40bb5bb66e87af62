"""Absolute Zero's settings: those of co-evolution, with shared weights and joint steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from ratchet.curriculum.buffer import Recall
from ratchet.learn.task_relative import Cells
from ratchet.recipes.absolute_zero.procedures import FORMS, Form
from ratchet.recipes.absolute_zero.profiles import PROFILES
from ratchet.recipes.coevolution.settings import Effort, Settings
from ratchet.worlds.programs import FAMILIES, LEVELS


class Config(Settings):
    """Settings of Absolute Zero, where they differ from those of Agent0 or come on top."""

    profiles: ClassVar[Mapping[str, Mapping[str, Any]]] = PROFILES

    world: Literal["programs", "python"] = "programs"
    """``programs``: the small language that always ends; ``python``: Python functions, run in the
    sandbox alone."""
    roles: Literal["separate", "shared"] = "shared"
    """Whether proposer and solver are two policies or one."""
    tool: bool = False
    """Whether the solver has the calculator; Absolute Zero has no tools."""
    shots: bool = True
    """Whether the solver is shown worked examples."""
    rule: Literal["task_relative"] = "task_relative"
    """The update rule of both roles."""
    difficulty: str = "failure"
    """What the proposer is paid for the solver's pass rate: 1 - p, 0 at p = 0."""
    tool_use: float = 0.0
    """Weight of the solver's tool calls; there is no such term."""
    repetition: float = 0.0
    """Weight of the repetition penalty; there is no such term."""
    floored: bool = False
    """Whether a task earns at least 0."""
    invalid: float = -1.0
    """What a proposal earns that is no task."""
    wrong: float = -0.5
    """What an attempt earns that can be read and is wrong."""
    unread: float = -1.0
    """What an attempt earns that cannot be read."""
    baseline: Cells = "cell"
    """``cell``: a mean and deviation for each role at each mode; ``pooled``: one for the batch."""
    band_low: float = 0.0
    """Lowest pass rate of a task that is kept; every task is."""
    band_high: float = 1.0
    """Highest pass rate of a task that is kept."""
    joint_steps: int = Field(default=4, ge=1)
    """Steps of a generation, in each of which both roles learn."""
    proposals: int = Field(default=8, ge=1)
    """Proposals of each mode in a step."""
    references: int = Field(default=6, ge=1)
    """Most tasks from the mode's buffer that the proposer is shown: the paper's K."""
    recall: Recall = "uniform"
    """How they are drawn: all alike, or the younger the likelier."""
    practice: int = Field(default=0, ge=0)
    """Tasks of each mode from the buffers that the solver tries again in a step."""
    buffer_limit: int = Field(default=16_384, ge=1)
    """Most tasks in a mode's buffer."""
    levels: tuple[int, ...] = LEVELS
    """Levels of tasks that the world draws: held ones, and those of ``proposer = "uniform"``."""
    warm_steps: int = Field(default=0, ge=0)
    """Supervised steps on open problems before generation 0, for a model that cannot read the
    language at all: they make the base that everything is compared with."""
    warm_rows: int = Field(default=24, ge=1)
    """Problems in one of them."""
    warm_lr: float = 3e-3
    """Their learning rate, which falls to a tenth."""
    warm_calls: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of their answers that call the calculator where it helps, if the solver has it, at the
    last step; at the first all do. The others are worked out in the head: with calls alone there
    is little left to find out by reward."""
    examples: tuple[str, ...] = ()
    """Open proposals, at least one of each mode, that the buffers start with; left out: six."""

    @property
    def form(self) -> Form:
        """How the world's texts stand in prompts."""
        return FORMS[self.world]

    @property
    def answering(self) -> str:
        """Name of the procedure by which the solver works."""
        return ("few_shot" if self.shots else "direct") + "_tool" * self.tool

    @model_validator(mode="after")
    def _taught(self) -> Self:
        if self.warm_steps and self.world != "programs":
            raise ValueError("warm_steps teach the small language: world = 'programs'")
        return self

    @property
    def effort(self) -> Effort:
        """What a generation amounts to at most."""
        proposals = self.joint_steps * self.proposals * len(FAMILIES)
        tasks = proposals + self.joint_steps * self.practice * len(FAMILIES)
        return Effort(tasks, tasks * self.attempts + proposals, self.joint_steps)
