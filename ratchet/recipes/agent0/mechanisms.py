"""What of Agent0 must be alive: planted triggers at start, and what is observed on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.core.task import Attempt, StopReason, Task, Verdict
from ratchet.curriculum.propose import REQUEST, Proposal, pick_frontier, pick_new
from ratchet.curriculum.rewards import planted_payment
from ratchet.engine.losses import Batch
from ratchet.learn.grpo import grpo
from ratchet.learn.step import Stepped, learns
from ratchet.learn.update import Update
from ratchet.loop.policies import opened
from ratchet.loop.recipe import Context, Mechanism
from ratchet.recipes.agent0.config import Config
from ratchet.recipes.agent0.pool import Pool
from ratchet.recipes.agent0.procedures import CALCULATOR, PROPOSER
from ratchet.solve.procedure import Procedure
from ratchet.solve.rollout import rollout

if TYPE_CHECKING:
    from ratchet.recipes.agent0.recipe import Agent0


def list_mechanisms(recipe: Agent0, state: State, seed: Seed) -> list[Mechanism]:
    """Return every mechanism that the settings switch on, with its planted trigger."""
    c = recipe.config
    payment = planted_payment(c.weights)
    task = recipe.world.tasks(seed.child("task").rng(), 1)[0]
    found = [
        Mechanism("filter.band", lambda: pick_frontier([0.0, 0.5, 1.0], 0.1, 0.9) == [1]),
        Mechanism("filter.new", lambda: not _picked(recipe, task)),
        Mechanism("learner.solver", partial(_learns, recipe, state, seed, "solver", task)),
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
        if c.epochs > 1 or c.tasks > c.batch:
            found.append(Mechanism("clip", partial(_clips, recipe, state, seed, task)))
    return found


def observe_all(context: Context, changed: Mapping[str, tuple[bool, bool]]) -> None:
    """Report each mechanism whose trigger occurred."""
    for name, (occurred, effect) in changed.items():
        if occurred:
            context.observe(name, effect)


def observe_filters(
    context: Context, c: Config, proposals: Sequence[Proposal], tasks: Sequence[Task], pool: Pool
) -> None:
    """Report what the filters had to drop, and whether they did."""
    valid = [p.outcome for p in proposals if isinstance(p.outcome, Task)]
    ids = [task.id for task in tasks]
    outside = [g for g in pool.judged if not c.band_low <= g.pass_rate <= c.band_high]
    calls = [a.tool_calls for group in pool.judged for a in group.attempts]
    asked = [
        any(c.tool and CALCULATOR.closing in turn.text for turn in a.turns if turn.role == "policy")
        for group in pool.judged
        for a in group.attempts
    ]
    observe_all(
        context,
        {
            "filter.new": (len(valid) > len(ids), len(set(ids)) == len(ids)),
            "filter.band": (
                bool(outside),
                not {id(g) for g in outside} & {id(g) for g in pool.kept},
            ),
            "tool": (any(asked), any(calls)),
        },
    )


def observe_rule(context: Context, update: Update, stepped: Stepped) -> None:
    """Report whether ADPO's scale and the clip had an effect in this step."""
    low, high = update.measures.get("p_low", 0.0), update.measures.get("p_high", 0.0)
    if high > 0.3 and low < 0.8 and high > low:
        context.observe("adpo.scale", update.measures["scale_std"] > 0)
    if stepped.clipped > 0:
        context.observe("clip", True)


def _learns(recipe: Agent0, state: State, seed: Seed, role: str, task: Task) -> bool:
    """Plant a batch through a role's own rule in a copy of its policy."""
    procedure: Procedure = recipe.procedure if role == "solver" else PROPOSER
    rule = recipe.rule if role == "solver" else partial(grpo, baseline="role")
    with opened(recipe.engine, recipe.store, state, role):
        attempts = _different(recipe, role, procedure, task, seed.child("learns", role))
        return learns(recipe.engine, role, attempts, rule, recipe.config.optim(role))


def _scales(recipe: Agent0, state: State, seed: Seed, task: Task) -> bool:
    """Two groups of unequal certainty must get unequal weight."""
    with opened(recipe.engine, recipe.store, state, "solver"):
        groups = _planted_groups(recipe, seed.child("scales"), task)
    return recipe.rule(groups).measures["scale_std"] > 0


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


def _picked(recipe: Agent0, task: Task) -> list[Task]:
    proposal = Proposal(Attempt(task.id, "planted", (), task.prompt, StopReason.END), task)
    return pick_new([proposal], frozenset([task.id]))
