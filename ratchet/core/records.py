"""What a turn of the loop leaves behind. Learners, probes and reports read nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from ratchet.core.task import Attempt, Task, Verdict


@dataclass(frozen=True)
class Trace:
    """A task tried by a language policy."""

    task: Task
    """What was asked. A proposer's task is the request for a task."""
    attempt: Attempt
    """What was done."""
    verdict: Verdict
    """How it was judged."""
    role: str
    """Which role of the recipe acted, e.g. ``proposer`` or ``solver``."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Named numbers computed on the way: reward terms, pass rates, label checks."""
    kind: Literal["trace"] = "trace"
    """Tag on disk."""


@dataclass(frozen=True)
class Evaluation:
    """A program that was run and scored."""

    program: str
    """Source text or canonical form."""
    score: float
    """In [0, 1], higher is better."""
    parent: str = ""
    """Content hash of the program it was made from; empty for a first one."""
    feedback: str = ""
    """What the run said: errors are data."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Named numbers computed on the way."""
    kind: Literal["evaluation"] = "evaluation"
    """Tag on disk."""


@dataclass(frozen=True)
class Transition:
    """One step of control."""

    observation: tuple[float, ...]
    """What was seen."""
    action: tuple[float, ...]
    """What was done."""
    reward: float
    """What it earned."""
    following: tuple[float, ...]
    """What was seen next."""
    done: bool
    """Whether the episode ended."""
    kind: Literal["transition"] = "transition"
    """Tag on disk."""


Record = Trace | Evaluation | Transition
"""Any record."""
Records = Sequence[Record]
"""What one generation left behind."""


@dataclass(frozen=True)
class Line:
    """A record as a line on disk; its tag tells which it is."""

    record: Annotated[Record, Field(discriminator="kind")]
    """The record."""
