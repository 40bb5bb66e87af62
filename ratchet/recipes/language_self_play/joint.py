"""One joint step of the game: queries, attempts, quality, what both earn, and what they learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING

from ratchet.core.codec import hash_text
from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.task import Rejection, Task, Verdict
from ratchet.curriculum.minimax import Stake, pay_challenger
from ratchet.curriculum.propose import Proposal, pick_new, trace_proposals
from ratchet.learn.self_play import scaled
from ratchet.learn.step import Stepped
from ratchet.loop.recipe import Context
from ratchet.recipes.coevolution.observing import observe_tool
from ratchet.recipes.coevolution.pool import Pool, mark_new
from ratchet.recipes.coevolution.sealed import drop_sealed, mark_sealed, observe_sealed
from ratchet.recipes.language_self_play.judging import judge_groups_quality
from ratchet.solve.rollout import rollout
from ratchet.verify.labels import Labelled, trace_labelled
from ratchet.verify.quality import Quality

if TYPE_CHECKING:
    from ratchet.recipes.language_self_play.recipe import LanguageSelfPlay


_Tried = tuple[Labelled | None, Sequence[Quality]]
_NOBODY: _Tried = (None, ())
"""What nobody attempted: nonsense, where quality is not judged."""


@dataclass(frozen=True)
class JointStep:
    """What one joint step leaves behind."""

    written: Sequence[Trace]
    """Every query."""
    posed: Sequence[Labelled]
    """The tasks among them, attempted."""
    nonsense: Sequence[Trace]
    """Attempts at queries that are no task."""
    measures: dict[str, float]
    """Named numbers."""
    stepped: Stepped | None
    """The solver's step."""

    @property
    def ids(self) -> frozenset[str]:
        """Return the tasks attempted."""
        return frozenset(group.task.id for group in self.posed)


def take_step(
    recipe: LanguageSelfPlay,
    context: Context,
    seed: Seed,
    held: frozenset[str],
    known: frozenset[str],
) -> JointStep:
    """Take one step: both roles learn from the same attempts.

    Reserved and held tasks are written down and otherwise left out: nobody attempts them, and they
    earn nothing, so that no role learns to find them or to avoid them. Other texts that are no task
    have V = 0; they are attempted where quality is judged, and nothing else could come of it.
    """
    c = recipe.config
    proposals = recipe.propose(seed, c.proposals)
    sealed = mark_sealed(proposals, held)
    queries = [p for p, out in zip(proposals, sealed, strict=True) if not out]
    groups = recipe.attempt(pick_new(queries, frozenset()), context, seed)
    observe_tool(context, c, groups)
    nonsense = _attempt_nonsense(recipe, queries, seed) if c.quality else []
    judged = judge_groups_quality(recipe, context, [*groups, *nonsense], seed)
    rated = {group.task.id: with_quality(group, q, c.quality) for group, q in judged}
    found: dict[str, _Tried] = {group.task.id: (group, q) for group, q in judged}
    of_query = [found.get(_key(query), _NOBODY) for query in queries]
    payment = pay_challenger([_stake(*one) for one in of_query], c.quality)
    for name, (occurred, effect) in payment.changed.items():
        if occurred and c.teaches:
            context.observe(name, effect)
    terms = [_terms(*one) for one in of_query]
    written = _trace(proposals, sealed, payment.rewards, terms, mark_new(proposals, known))
    updates = {"solver": recipe.rule([trace_labelled(group) for group in rated.values()])}
    paid = drop_sealed(written, sealed)
    observe_sealed(context, proposals, held, [g.task for g in (*groups, *nonsense)], paid)
    if c.teaches:
        updates["proposer"] = scaled(recipe.proposer_rule([paid]), c.challenger_weight)
    stepped = recipe.learn(updates, context)
    measures = _measure(terms, {group.task.id for group in groups}, judged)
    if "proposer" in stepped:
        measures["challenger_kl"] = stepped["proposer"].kl
    return JointStep(
        written,
        [rated[group.task.id] for group in groups],
        [trace for group in nonsense for trace in trace_labelled(rated[group.task.id])],
        measures,
        stepped.get("solver"),
    )


def with_quality(group: Labelled, quality: Sequence[Quality], weight: float) -> Labelled:
    """Return a group whose rewards are R + weight * R_Q; what passes stays the same."""
    if not weight:
        return group
    verdicts = [
        replace(
            verdict,
            reward=verdict.reward + weight * one.mean,
            evidence={
                **verdict.evidence,
                "quality_instruction": one.instruction,
                "quality_response": one.response,
            },
        )
        for verdict, one in zip(group.verdicts, quality, strict=True)
    ]
    return replace(group, verdicts=tuple(verdicts))


def sum_up(found: Sequence[JointStep]) -> Pool:
    """Return a generation's steps as one pool; kept are the tasks passed now and then."""
    judged = [group for one in found for group in one.posed]
    names = sorted({name for one in found for name in one.measures})
    return Pool(
        [trace for one in found for trace in one.written],
        judged,
        [group for group in judged if 0.0 < group.pass_rate < 1.0],
        {name: fmean(o.measures[name] for o in found if name in o.measures) for name in names},
    )


def _key(proposal: Proposal) -> str:
    """Return the id of a query's task, of nonsense a hash of its text."""
    task = proposal.outcome
    return task.id if isinstance(task, Task) else hash_text(f"nonsense {proposal.attempt.answer}")


def _attempt_nonsense(
    recipe: LanguageSelfPlay, queries: Sequence[Proposal], seed: Seed
) -> list[Labelled]:
    """Have the solver attempt what is no task: it never passes, and belongs to no world."""
    texts = {_key(q): q.attempt.answer for q in queries if isinstance(q.outcome, Rejection)}
    tasks = [Task(key, "", text, "nonsense", 0, ("model",)) for key, text in texts.items()]
    at, k = seed.child("nonsense"), recipe.config.attempts
    groups = rollout(recipe.engine, "solver", recipe.procedure, tasks, at, k)
    return [
        Labelled(
            task,
            tuple(attempts),
            tuple(
                Verdict(0.0, False, recipe.reads(attempt.answer), "judge") for attempt in attempts
            ),
            None,
        )
        for task, attempts in zip(tasks, groups, strict=True)
    ]


def _stake(group: Labelled | None, quality: Sequence[Quality]) -> Stake:
    if group is None:
        return Stake(0.0)
    return Stake(group.pass_rate, fmean(one.mean for one in quality) if quality else 0.0)


def _terms(group: Labelled | None, quality: Sequence[Quality]) -> dict[str, float]:
    rate = group.pass_rate if group else 0.0
    told = {"value": rate, "signal": float(0.0 < rate < 1.0)}
    if quality:
        told["quality_instruction"] = fmean(one.instruction for one in quality)
        told["quality_response"] = fmean(one.response for one in quality)
    return told


def _trace(
    proposals: Sequence[Proposal],
    sealed: Sequence[bool],
    rewards: Sequence[float],
    terms: Sequence[dict[str, float]],
    new: Sequence[float],
) -> list[Trace]:
    """Return every query as a trace; what is sealed has neither reward nor terms."""
    paid = iter(zip(rewards, terms, strict=True))
    told = [(0.0, dict[str, float]()) if out else next(paid) for out in sealed]
    traces = trace_proposals(proposals, [reward for reward, _ in told], {"new": new})
    return [
        replace(trace, measures={**trace.measures, **named})
        for trace, (_, named) in zip(traces, told, strict=True)
    ]


def _measure(
    terms: Sequence[dict[str, float]],
    posed: set[str],
    judged: Sequence[tuple[Labelled, Sequence[Quality]]],
) -> dict[str, float]:
    """Return means over queries, and by how much the judge prefers tasks to nonsense."""
    names = terms[0] if terms else ()
    measures = {f"query_{name}": fmean(one[name] for one in terms) for name in names}
    sides = [
        [one.mean for group, q in judged if (group.task.id in posed) == side for one in q]
        for side in (True, False)
    ]
    if all(sides):
        measures["judge_gap"] = fmean(sides[0]) - fmean(sides[1])
    return measures
