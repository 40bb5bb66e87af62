"""The joint step of both roles, and what the steps of a generation leave behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from ratchet.core.records import Trace
from ratchet.curriculum.difficulty import uncertainty
from ratchet.learn.step import Stepped
from ratchet.learn.update import Update
from ratchet.loop.recipe import Context
from ratchet.recipes.absolute_zero.mechanisms import observe_composite, observe_step
from ratchet.recipes.coevolution.pool import Pool
from ratchet.verify.labels import Labelled

if TYPE_CHECKING:
    from ratchet.recipes.absolute_zero.recipe import AbsoluteZero

Learned = tuple[str, Update, Stepped]
"""Role, what was learned, and what the step did."""


def learn_jointly(
    recipe: AbsoluteZero,
    groups: Sequence[Sequence[Trace]],
    paid: Sequence[Sequence[Trace]],
    context: Context,
) -> list[Learned]:
    """Take one step of the shared weights on both roles, or one of each policy by itself.

    ``groups`` are the solver's, ``paid`` the proposer's.
    """
    if recipe.config.roles == "shared":
        batches = {"solver": [*groups, *paid]}
    else:
        batches = {"solver": list(groups), "proposer": list(paid)}
    observe_composite(context, recipe.config, groups)
    learned = []
    for role, batch in batches.items():
        update = recipe.rule(batch)
        stepped = recipe.step(role, update, context) if batch else None
        if stepped is not None:
            together = bool(paid) and len(batches) == 1
            observe_step(context, recipe.config, update, stepped, together)
            learned.append((role, update, stepped))
    return learned


@dataclass
class Told:
    """Proposals, attempts and steps of one generation."""

    held: frozenset[str]
    """Ids of the tasks that nobody is trained on."""
    written: list[Trace] = field(default_factory=list)
    judged: list[Labelled] = field(default_factory=list)
    again: list[Labelled] = field(default_factory=list)
    steps: list[Stepped] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    spreads: list[float] = field(default_factory=list)

    def add(
        self, written: Sequence[Trace], judged: Sequence[Labelled], again: Sequence[Labelled]
    ) -> None:
        """Take in what one step proposed, attempted and practised."""
        self.written += written
        self.judged += judged
        self.again += again

    def learned(self, learned: Sequence[Learned]) -> None:
        """Take in what was learned in one step."""
        self.steps += [stepped for role, _, stepped in learned if role == "solver"]
        self.spreads += [update.measures["cell_spread"] for _, update, _ in learned]

    @property
    def tried(self) -> frozenset[str]:
        """Ids of the tasks that were new."""
        return frozenset(group.task.id for group in self.judged)

    @property
    def pool(self) -> Pool:
        """All of it as a pool, in which every attempted task is trained on."""
        attempted = [*self.judged, *self.again]
        return Pool(self.written, attempted, attempted)

    def measures(self) -> dict[str, float]:
        """Return numbers of the new tasks, by mode and together, and of the steps.

        ``middle`` is the mean of 1 - 2|p - 1/2|: 1 where every pass rate is a half.
        """
        found = {"practised": float(len(self.again))}
        if self.judged:
            found["middle"] = fmean(uncertainty(group.pass_rate) for group in self.judged)
            found["new_pass_rate"] = fmean(group.pass_rate for group in self.judged)
        for family in sorted({group.task.family for group in self.judged}):
            rates = [g.pass_rate for g in self.judged if g.task.family == family]
            found |= {f"pass_{family}": fmean(rates), f"tasks_{family}": float(len(rates))}
        for name, values in (("reference_age", self.ages), ("cell_spread", self.spreads)):
            found |= {name: fmean(values)} if values else {}
        return found
