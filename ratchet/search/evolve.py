"""The search: sample parents, propose, refuse what is known, evaluate, keep; with its baselines.

Everything that shapes a search is a count, so that it can be repeated; seconds only stop it, and
between two evaluations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ratchet.core.seeds import Seed
from ratchet.search.archive import Archive, Entry
from ratchet.search.cascade import Assessment
from ratchet.search.proposer import Proposal, Proposer, SpentError
from ratchet.search.sampling import Sampler, greedy, mixed

Assess = Callable[[str], Assessment]
"""Evaluate a program: total."""
TRIES = 20
"""Proposals in a row that may be known already before an evaluation of the budget is given up."""


@dataclass(frozen=True)
class Strategy:
    """How the next program is made. Equal budgets make strategies comparable."""

    name: str
    """For reports."""
    explore: float
    """Share of programs written from nothing."""
    sampler: Sampler = mixed
    """How parents are chosen for the others."""
    opening: int = 0
    """Entries that an archive has before any is changed: the first population."""
    migrate: int = 50
    """Evaluations between two steps of migration."""


EVOLVE = Strategy("evolve", 0.15)
"""Islands, cells and visits."""
BEST_OF_N = Strategy("best_of_n", 1.0)
"""Independent draws: what any search has to beat."""
REFINE = Strategy("refine", 0.0, greedy)
"""Sequential refinement: always change the best."""


@dataclass
class Tally:
    """What a slice of a search did."""

    evaluations: int = 0
    """Programs evaluated."""
    known: int = 0
    """Proposals refused before evaluation because the archive has them."""
    failures: dict[str, int] = field(default_factory=dict)
    """Programs that failed, by name of the failure."""
    stopped: str = ""
    """Why it stopped before its budget of evaluations; empty if it did not."""
    new: list[Entry] = field(default_factory=list)
    """Entries of this slice, in order."""


@dataclass(frozen=True)
class Search:
    """A proposer and an evaluator."""

    proposer: Proposer
    """Who writes."""
    assess: Assess
    """Who judges."""
    strategy: Strategy = EVOLVE
    """How parents are chosen."""

    def plant(self, archive: Archive, programs: Sequence[str]) -> Tally:
        """Evaluate first programs that are not in the archive yet, spread over its islands."""
        tally = Tally()
        for place, program in enumerate(p for p in programs if p not in archive):
            self._keep(archive, Proposal(program, (), "seed"), place, tally)
        return tally

    def advance(
        self,
        archive: Archive,
        evaluations: int,
        seed: Seed,
        seconds: float | None = None,
        told: Callable[[Tally, Archive], None] = lambda tally, archive: None,
    ) -> tuple[Archive, Tally]:
        """Spend so many evaluations and return the archive with what was done.

        What is drawn for an evaluation depends on the seed and its number in the archive alone.
        """
        tally, end = Tally(), None if seconds is None else time.monotonic() + seconds
        while tally.evaluations < evaluations and (end is None or time.monotonic() < end):
            number = len(archive)
            try:
                proposal = self._propose(archive, seed.child(number), tally)
            except SpentError as spent:
                tally.stopped = str(spent)
                break
            if proposal is None:
                tally.stopped = f"{TRIES} proposals in a row were known"
                break
            self._keep(archive, proposal, number, tally)
            if len(archive) % self.strategy.migrate == 0:
                archive = archive.migrate(1)
            told(tally, archive)
        return archive, tally

    def _propose(self, archive: Archive, seed: Seed, tally: Tally) -> Proposal | None:
        """Return a proposal that the archive does not have; None if none was found."""
        island = len(archive) % archive.islands
        for attempt in range(TRIES):
            at = seed.child(attempt)
            rng = at.child("parents").rng()
            alive = archive.alive()
            early = len(archive) < self.strategy.opening
            if early or not alive or rng.random() < self.strategy.explore:
                proposal = self.proposer.fresh(at.child("fresh"))
            else:
                chosen = [self.strategy.sampler(archive, rng, island) for _ in range(2)]
                distinct = list({entry.id: entry for entry in chosen}.values())
                proposal = self.proposer.change(distinct, at.child("change"))
            if proposal.program not in archive:
                return proposal
            tally.known += 1
        return None

    def _keep(self, archive: Archive, proposal: Proposal, place: int, tally: Tally) -> None:
        found = self.assess(proposal.program)
        twin = None if found.failure else archive.like(found.behaviour)
        if twin is not None:
            told = f"behaves like {twin.program[:200]}"
            found = replace(found, failure="equivalent", feedback=told)
        entry = Entry(
            proposal.program,
            0.0 if found.failure else found.score,
            proposal.parents,
            proposal.operator,
            found.failure,
            found.feedback,
            found.measures,
            found.cell,
            place % archive.islands,
            found.behaviour,
        )
        archive.add(entry)
        tally.evaluations += 1
        tally.new.append(entry)
        if found.failure:
            tally.failures[found.failure] = tally.failures.get(found.failure, 0) + 1
