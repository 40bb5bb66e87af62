"""The shape of ``results.json``, and what it says to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.claims.claim import Arm, Claim
from ratchet.claims.verdict import Look, Word
from ratchet.core.codec import from_data
from ratchet.report.words import duration

FORMAT = 1


@dataclass(frozen=True)
class Spent:
    """What runs consumed; never part of a comparison."""

    runs: int
    """Number of runs."""
    wall_s: float
    """Seconds, summed over runs that were side by side."""
    tokens: int
    """Tokens generated."""


@dataclass(frozen=True)
class RunResult:
    """One arm under one seed."""

    arm: str
    """Name of the arm."""
    seed: int
    """Its seed."""
    status: str
    """Of its report; ``missing`` if it has not come to an end."""
    values: Mapping[str, float]
    """By metric, for every metric that a claim reads from this arm and that was measured."""
    problem: str
    """Why it counts as missing; empty if it does not."""
    spent: Spent
    """Its cost."""


@dataclass(frozen=True)
class ClaimResult:
    """One claim with its verdict."""

    claim: Claim
    """What was claimed, and its test."""
    verdict: Word
    """What was found."""
    reason: str
    """One sentence with the numbers in it."""
    effect: float | None
    """Mean over seeds at the look that decides; null before the first."""
    low: float | None
    """Lower end of its interval."""
    high: float | None
    """Upper end."""
    level: float
    """Level of the interval: 1 - 0.05/looks."""
    seeds: int
    """Seeds per arm at that look."""
    looks: tuple[Look, ...]
    """All that were taken."""
    spent: Spent
    """Cost of the runs that it looked at; a run that two claims share counts in both."""


@dataclass(frozen=True)
class Results:
    """Everything that ``ratchet reproduce`` found."""

    recipe: str
    """The method."""
    tier: str
    """Which of its settings files."""
    claims_hash: str
    """Hash of the claims, fixed before the first run."""
    command: str
    """What made these results."""
    arms: tuple[Arm, ...]
    """As they were run."""
    claims: tuple[ClaimResult, ...]
    """In the recipe's order."""
    runs: tuple[RunResult, ...]
    """By arm and seed."""
    machine: Mapping[str, str | int]
    """Where, and with which packages."""
    spent: Spent
    """All runs, each counted once."""
    format: int = FORMAT
    """Version of this schema."""


def tell(results: Mapping[str, Any]) -> str:
    """Return results (the data of ``results.json``) for people: a verdict a claim."""
    read = from_data(Results, dict(results))
    lines = [f"{read.recipe}, tier {read.tier}, claims {read.claims_hash[:12]}"]
    for claim in read.claims:
        lines.append(f"  {claim.verdict.upper()}: {claim.claim.name}. {claim.claim.statement}")
        lines.append(f"      {claim.reason}")
    lines.append(f"{read.spent.runs} runs, {duration(read.spent.wall_s)} of computing")
    return "\n".join(lines)
