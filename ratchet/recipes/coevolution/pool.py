"""The pool of a generation: what was proposed, attempted and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ratchet.core.records import Trace
from ratchet.core.state import Component
from ratchet.core.task import Task
from ratchet.curriculum.propose import Proposal
from ratchet.curriculum.rewards import Payment, ProposerWeights, Tried, pay
from ratchet.learn.step import Stepped
from ratchet.verify.labels import Labelled


@dataclass(frozen=True)
class Pool:
    """Proposals and what became of them."""

    written: Sequence[Trace]
    """Every proposal."""
    judged: Sequence[Labelled]
    """Every new task among them, with the solver's attempts."""
    kept: Sequence[Labelled]
    """Those the solver is trained on."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """What else the recipe tells of it."""


@dataclass(frozen=True)
class Played:
    """What a generation's training came to."""

    pool: Pool
    """Proposals and what became of them."""
    steps: Sequence[Stepped]
    """Optimiser steps of the solver."""
    parts: Mapping[str, Component] = field(default_factory=dict)
    """Further components of the state."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Further numbers for the report."""


def pay_proposals(
    proposals: Sequence[Proposal], judged: Sequence[Labelled], weights: ProposerWeights
) -> Payment:
    """Pay proposals by what the solver did with them; one that was not attempted is not valid."""
    groups = {group.task.id: group for group in judged}
    return pay([_try_of(proposal, groups) for proposal in proposals], weights)


def mark_new(proposals: Sequence[Proposal], seen: frozenset[str]) -> list[float]:
    """Return 1 for each proposal whose task no earlier generation and no earlier proposal had.

    Tasks are compared by their canonical form, not by their text.
    """
    known = set(seen)
    marks = []
    for proposal in proposals:
        task = proposal.outcome
        marks.append(float(isinstance(task, Task) and task.id not in known))
        known.update([task.id] if isinstance(task, Task) else [])
    return marks


def _try_of(proposal: Proposal, groups: Mapping[str, Labelled]) -> Tried:
    text, task = proposal.attempt.answer, proposal.outcome
    if not isinstance(task, Task) or task.id not in groups:
        return Tried(text, False)
    group = groups[task.id]
    return Tried(text, True, group.pass_rate, tuple(a.tool_calls for a in group.attempts))
