"""Findings and the actions they ask for. The loop executes and records every action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True)
class Continue:
    """Note it and go on."""

    kind: Literal["continue"] = "continue"


@dataclass(frozen=True)
class SetParameter:
    """Change a parameter that the recipe declares, from the next generation on."""

    parameter: str
    """One of the recipe's declared parameters."""
    value: float | str | bool
    """Its new value."""
    kind: Literal["set"] = "set"


@dataclass(frozen=True)
class Reweight:
    """Change named weights that the recipe declares, from the next generation on."""

    weights: Mapping[str, float]
    """New weights by name."""
    kind: Literal["reweight"] = "reweight"


@dataclass(frozen=True)
class Restart:
    """Put a component of the working branch, with its parts, back to its first version."""

    component: str
    """Name of the component; its parts are the components named ``component.part``."""
    kind: Literal["restart"] = "restart"


@dataclass(frozen=True)
class Reject:
    """Do not keep this candidate."""

    kind: Literal["reject"] = "reject"


@dataclass(frozen=True)
class AskApproval:
    """Do not promote this candidate before a person has agreed."""

    kind: Literal["ask_approval"] = "ask_approval"


@dataclass(frozen=True)
class Rollback:
    """Return incumbent and branch to an earlier promoted generation."""

    generation: int
    """Generation whose incumbent is restored; 0 is the start."""
    kind: Literal["rollback"] = "rollback"


@dataclass(frozen=True)
class Halt:
    """Stop the run."""

    kind: Literal["halt"] = "halt"


Action = Annotated[
    Continue | SetParameter | Reweight | Restart | Reject | AskApproval | Rollback | Halt,
    Field(discriminator="kind"),
]


@dataclass(frozen=True)
class Finding:
    """Something a probe or a recipe noticed, and what should follow."""

    name: str
    """What was found, as one stable word, e.g. ``no_valid_proposals``."""
    message: str
    """One sentence with the numbers in it."""
    action: Action = field(default_factory=Continue)
    """What the loop shall do."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """The numbers."""
