"""What is asked, what was answered, and whether it was right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True)
class Task:
    """One problem. It holds no truth: ``world.check(task, answer)`` computes or looks truth up."""

    id: str
    """Hash of the canonical form: equal problems have equal ids."""
    world: str
    """Name of the world it belongs to."""
    prompt: str
    """What a solver sees."""
    family: str
    """The kind of problem, one of ``world.families``."""
    level: int
    """Difficulty as the world counts it, 1 is easiest."""
    lineage: tuple[str, ...] = ()
    """Where it came from, oldest first; empty for a task drawn from the world."""


@dataclass(frozen=True)
class Rejection:
    """Why a text is not a task."""

    reason: str
    """A name from the world's closed list, e.g. ``reserved`` or ``too_deep``."""
    text: str
    """The rejected text, cut to 200 characters."""


class StopReason(StrEnum):
    """Why generation or an attempt ended."""

    END = "end"
    """The policy ended it: end-of-text token or a stop string."""
    LENGTH = "length"
    """The token limit was reached."""
    TURNS = "turns"
    """The turn limit was reached while a tool was still being called."""
    ERROR = "error"
    """An environment or sandbox failed; the attempt is data, not a zero reward."""


@dataclass(frozen=True)
class Turn:
    """A stretch of tokens by one author."""

    role: Literal["policy", "tool", "user"]
    """Only policy turns are trained on."""
    text: str
    """The tokens as text."""
    tokens: tuple[int, ...] = ()
    """Token ids, in order."""
    logprobs: tuple[float, ...] = ()
    """Log-probability of each token when it was sampled; empty unless role is policy."""


@dataclass(frozen=True)
class Cost:
    """What something consumed, as counts; seconds are kept elsewhere."""

    prompt_tokens: int = 0
    """Tokens read."""
    tokens: int = 0
    """Tokens generated."""
    tool_calls: int = 0
    """Tool results inserted."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.prompt_tokens + other.prompt_tokens,
            self.tokens + other.tokens,
            self.tool_calls + other.tool_calls,
        )


@dataclass(frozen=True)
class Attempt:
    """One try at one task."""

    task_id: str
    """Id of the task tried."""
    policy: str
    """Name of the policy that tried, as its engine knows it."""
    turns: tuple[Turn, ...]
    """Prompt first (role user), then policy and tool turns."""
    answer: str
    """The text that is checked."""
    stop: StopReason
    """Why it ended."""
    tool_calls: int = 0
    """Number of tool results the policy received."""
    cost: Cost = field(default_factory=Cost)
    """Tokens read and written."""


@dataclass(frozen=True)
class Verdict:
    """What was decided about an answer, by what, on what evidence."""

    reward: float
    """In [0, 1], higher is better."""
    passed: bool
    """Whether it counts as solved."""
    parsed: bool
    """Whether an answer could be read at all."""
    source: Literal["exact", "tests", "plurality", "judge", "rubric", "random"]
    """What decided."""
    feedback: str = ""
    """Text for a retry; shown in training only."""
    evidence: Mapping[str, float | str] = field(default_factory=dict)
    """Numbers behind the decision."""
