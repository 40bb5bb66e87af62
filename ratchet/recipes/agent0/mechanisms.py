"""What of Agent0 must be alive: planted triggers at start, and what is observed on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING

from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.core.task import Attempt, StopReason, Task, Turn, Verdict
from ratchet.curriculum.propose import REQUEST, Proposal, pick_frontier, pick_new
from ratchet.curriculum.rewards import Payment, planted_payment
from ratchet.engine.losses import Batch
from ratchet.learn.adpo import trust
from ratchet.learn.grpo import grpo
from ratchet.learn.step import Stepped, learns
from ratchet.learn.update import Update
from ratchet.loop.policies import opened
from ratchet.loop.recipe import Context, Mechanism
from ratchet.recipes.agent0.config import Config
from ratchet.recipes.agent0.pool import Pool
from ratchet.recipes.agent0.procedures import CALCULATOR
from ratchet.solve.procedure import Procedure
from ratchet.solve.rollout import rollout
from ratchet.verify.labels import Labelled

if TYPE_CHECKING:
    from ratchet.recipes.agent0.recipe import Agent0


def list_mechanisms(recipe: Agent0, state: State, seed: Seed) -> list[Mechanism]:
    """Return every mechanism that the settings switch on, with its planted trigger."""
    c = recipe.config
    payment = planted_payment(c.weights)
    task = recipe.world.tasks(seed.child("task").rng(), 1)[0]
    found = [
        Mechanism("filter.band", lambda: pick_frontier([0.0, 0.5, 1.0], 0.1, 0.9) == [1]),
        Mechanism("filter.distinct", lambda: _pick(task, task) == [task]),
        Mechanism("filter.new", lambda: not _pick(task, seen=task.id)),
        Mechanism("learner.solver", partial(_learns, recipe, state, seed, "solver", task)),
        Mechanism("clip", partial(_clips, recipe, state, seed, task)),
    ]
    if c.proposer == "trained" and c.proposer_steps:
        for name, (occurred, effect) in payment.changed.items():
            found.append(Mechanism(name, partial(all, (occurred, effect))))
        found.append(
            Mechanism(
                "learner.proposer", partial(_learns, recipe, state, seed, "proposer", REQUEST)
            )
        )
    if c.tool:
        found.append(Mechanism("tool", lambda: CALCULATOR.call("<calc>2 + 3</calc>") == " [5]"))
    if c.rule == "adpo":
        found.append(Mechanism("adpo.scale", partial(_scales, recipe, state, seed, task)))
    return found


def observe_payment(
    context: Context, proposals: Sequence[Proposal], judged: Sequence[Labelled], payment: Payment
) -> None:
    """Report each reward term whose trigger occurred; a term's effect is that it is not all 0.

    Triggers are read off texts and attempts, never off the terms: a term that is wired to the wrong
    text is always 0 and would look asleep. What the rewards make of a term is planted at start.
    """
    valid = [p.attempt.answer for p in proposals if isinstance(p.outcome, Task)]
    pairs = zip(proposals, payment.rewards, strict=True)
    unpaid = [not reward for p, reward in pairs if not isinstance(p.outcome, Task)]
    occurred = {
        "reward.uncertainty": any(0 < group.pass_rate < 1 for group in judged),
        "reward.tool": any(a.tool_calls for group in judged for a in group.attempts),
        "reward.repetition": len(set(valid)) < len(valid),
    }
    changed = {
        name: (occurred[name], any(payment.terms[name.removeprefix("reward.")]))
        for name in payment.changed
        if name in occurred
    }
    _observe_all(context, changed | {"reward.format": (bool(unpaid), all(unpaid))})


def observe_filters(
    context: Context, c: Config, offered: Sequence[Task], seen: frozenset[str], pool: Pool
) -> None:
    """Report what the filters had to drop, and whether they did; and the tool's insertions."""
    all_ids = [task.id for task in offered]
    ids = [group.task.id for group in pool.judged]
    outside = [g for g in pool.judged if not c.band_low <= g.pass_rate <= c.band_high]
    attempts = [attempt for group in pool.judged for attempt in group.attempts]
    asked = c.tool and any(_calls(turn) for attempt in attempts for turn in attempt.turns)
    _observe_all(
        context,
        {
            "filter.distinct": (len(set(all_ids)) < len(all_ids), len(set(ids)) == len(ids)),
            "filter.new": (not seen.isdisjoint(all_ids), seen.isdisjoint(ids)),
            "filter.band": (
                bool(outside),
                not {id(g) for g in outside} & {id(g) for g in pool.kept},
            ),
            "tool": (asked, any(attempt.tool_calls for attempt in attempts)),
        },
    )


def observe_rule(
    context: Context, groups: Sequence[Sequence[Trace]], update: Update, stepped: Stepped
) -> None:
    """Report whether ADPO's scale and the clip had an effect in this step.

    The scale's trigger is read off the verdicts, not off the p that the rule was given.
    """
    rates = [fmean(trace.verdict.passed for trace in group) for group in groups]
    if "scale_std" in update.measures and len({trust(p) for p in rates if 0 < p < 1}) > 1:
        context.observe("adpo.scale", update.measures["scale_std"] > 0)
    if stepped.clipped > 0:
        context.observe("clip", True)


def _observe_all(context: Context, changed: Mapping[str, tuple[bool, bool]]) -> None:
    """Report each mechanism whose trigger occurred."""
    for name, (occurred, effect) in changed.items():
        if occurred:
            context.observe(name, effect)


def _calls(turn: Turn) -> bool:
    """Return whether a policy turn holds a whole call of the calculator."""
    before, _, after = turn.text.partition(CALCULATOR.opening)
    return turn.role == "policy" and before != turn.text and CALCULATOR.closing in after


def _learns(recipe: Agent0, state: State, seed: Seed, role: str, task: Task) -> bool:
    """Plant a batch through a role's own rule in a copy of its policy."""
    procedure: Procedure = recipe.procedure if role == "solver" else recipe.request
    rule = recipe.rule if role == "solver" else partial(grpo, baseline="role")
    with opened(recipe.engine, recipe.store, state, role):
        attempts = _different(recipe, role, procedure, task, seed.child("learns", role))
        return learns(recipe.engine, role, attempts, rule, recipe.config.optim(role))


def _scales(recipe: Agent0, state: State, seed: Seed, task: Task) -> bool:
    """Two groups of unequal certainty must get unequal weight."""
    with opened(recipe.engine, recipe.store, state, "solver"):
        groups = _planted_groups(recipe, seed.child("scales"), task)
    return recipe.rule(groups).measures.get("scale_std", 0.0) > 0


def _clips(recipe: Agent0, state: State, seed: Seed, task: Task) -> bool:
    """Attempts that were far less likely when sampled must be clipped by the engine."""
    with opened(recipe.engine, recipe.store, state, "solver"):
        update = recipe.rule(_planted_groups(recipe, seed.child("clips"), task))
        rows = tuple(
            replace(row, old_logprobs=tuple(lp - 5.0 for lp in row.old_logprobs))
            for row in update.batch.rows
        )
        report = recipe.engine.forward_backward("solver", Batch(rows), update.loss)
    return report.clipped > 0


def _planted_groups(recipe: Agent0, seed: Seed, task: Task) -> list[list[Trace]]:
    attempts = _different(recipe, "solver", recipe.procedure, task, seed)
    groups = []
    for number, p in enumerate((0.25, 0.75)):
        at = replace(task, id=f"planted-{number}")
        groups.append(
            [
                Trace(at, a, Verdict(float(i == 0), i == 0, True, "exact"), "solver", {"p": p})
                for i, a in enumerate(attempts)
            ]
        )
    return groups


def _different(
    recipe: Agent0, role: str, procedure: Procedure, task: Task, seed: Seed
) -> list[Attempt]:
    """Sample attempts until two of them differ."""
    for trial in range(8):
        at = seed.child(trial)
        attempts = rollout(recipe.engine, role, procedure, [task], at, 8, temperature=1.5)[0]
        if len({attempt.answer for attempt in attempts}) > 1:
            return attempts
    return attempts


def _pick(*tasks: Task, seen: str = "") -> list[Task]:
    attempt = Attempt("planted", "planted", (), "", StopReason.END)
    return pick_new([Proposal(attempt, task) for task in tasks], frozenset([seen]))
