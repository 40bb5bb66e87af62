"""What of co-evolution must be alive: every mechanism with its planted trigger at start."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.core.task import Attempt, StopReason, Task, Turn, Verdict
from ratchet.curriculum.propose import REQUEST, Proposal, pick_frontier, pick_new
from ratchet.curriculum.rewards import planted_payment
from ratchet.engine.losses import Batch
from ratchet.learn.step import learns
from ratchet.loop.policies import opened
from ratchet.loop.recipe import Mechanism
from ratchet.recipes.coevolution.planted import Planted
from ratchet.recipes.coevolution.procedures import CALCULATOR
from ratchet.solve.procedure import Procedure
from ratchet.solve.rollout import rollout

if TYPE_CHECKING:
    from ratchet.recipes.coevolution.phases import CoEvolution
    from ratchet.recipes.coevolution.settings import Settings


def list_mechanisms(recipe: CoEvolution, state: State, seed: Seed) -> list[Mechanism]:
    """Return every mechanism that the settings switch on, with its planted trigger."""
    task = recipe.plant(seed.child("task")).task
    filters = list_filters(recipe.config, task)
    return [*filters, *list_learning(recipe, state, seed), *_payments(recipe)]


def list_learning(recipe: CoEvolution, state: State, seed: Seed) -> list[Mechanism]:
    """Return what learning by the recipe's rules needs, whatever is paid: both learners, clip,
    mask, labels, KL, tool and scale."""
    c = recipe.config
    planted = recipe.plant(seed.child("task"))
    task = planted.task
    found = [
        Mechanism("learner.solver", partial(_learns, recipe, state, seed, "solver", task)),
        Mechanism("clip", partial(_clips, recipe, state, seed, task)),
        Mechanism("mask", partial(_masks, recipe, task)),
    ]
    if c.reward == "labels":
        found.append(Mechanism("labels", partial(_labels, recipe, planted, seed)))
    for role in ("solver", "proposer") if c.teaches else ("solver",):
        if c.kl(role):
            found.append(Mechanism(f"kl.{role}", partial(_pulls, recipe, state, seed, role, task)))
    if c.teaches:
        learns = partial(_learns, recipe, state, seed, "proposer", REQUEST)
        found.append(Mechanism("learner.proposer", learns))
    if c.tool:
        found.append(Mechanism("tool", lambda: CALCULATOR.call("<calc>2 + 3</calc>") == " [5]"))
    if c.rule == "adpo":
        found.append(Mechanism("adpo.scale", partial(_scales, recipe, state, seed, task)))
    return found


def list_filters(config: Settings, task: Task) -> list[Mechanism]:
    """Return the filters of a pool."""
    found = [
        Mechanism("filter.distinct", lambda: _pick(task, task) == [task]),
        Mechanism("filter.new", lambda: not _pick(task, seen=task.id)),
    ]
    if (config.band_low, config.band_high) != (0.0, 1.0):
        band = Mechanism("filter.band", lambda: pick_frontier([0.0, 0.5, 1.0], 0.1, 0.9) == [1])
        found.insert(0, band)
    return found


def _payments(recipe: CoEvolution) -> list[Mechanism]:
    changed = planted_payment(recipe.config.weights).changed if recipe.config.teaches else {}
    return [
        Mechanism(name, partial(all, (occurred, effect)))
        for name, (occurred, effect) in changed.items()
    ]


def plant_lesson(recipe: CoEvolution, role: str, seed: Seed, task: Task) -> bool:
    """Plant a batch through a role's own rule in its open policy, and see it learn."""
    solves, policy = role == "solver", recipe.config.policy(role)
    procedure = recipe.procedure if solves else recipe.request
    rule = recipe.rule if solves else recipe.proposer_rule
    attempts = _different(recipe, policy, procedure, task, seed.child("learns", role))
    return learns(recipe.engine, policy, attempts, rule, recipe.config.optim(role))


def _learns(recipe: CoEvolution, state: State, seed: Seed, role: str, task: Task) -> bool:
    """Plant a lesson in a copy of a role's policy."""
    with opened(recipe.engine, recipe.store, state, recipe.config.policy(role)):
        return plant_lesson(recipe, role, seed, task)


def _pulls(recipe: CoEvolution, state: State, seed: Seed, role: str, task: Task) -> bool:
    """A policy that is less likely to write what it wrote than its first state was is pulled."""
    policy, at = recipe.config.policy(role), seed.child("pulls", role)
    with recipe.opened(state, state):
        update = recipe.with_reference(role, recipe.rule(_planted_groups(recipe, at, task)))
        rows = tuple(
            replace(row, reference_logprobs=tuple(lp + 0.5 for lp in row.reference_logprobs))
            for row in update.batch.rows
        )
        return recipe.engine.forward_backward(policy, Batch(rows), update.loss).kl > 0.0


def _labels(recipe: CoEvolution, planted: Planted, seed: Seed) -> bool:
    """Planted answers must be labelled as the source says: votes are counted by whole answers,
    among those that can be read, and a pass rate is a share of all attempts."""
    task, right, wrong, odd = planted.task, planted.right, planted.wrong, planted.unread
    source = recipe.config.label.source
    votes = (
        ([right, right, right, wrong, odd], [True, True, True, False, False], True),
        ([odd, odd, right], [False, False, source != "gated"], True),
        ([wrong, wrong, wrong, right], [source != "execution"] * 3 + [source == "execution"], None),
    )
    for answers, passed, labelled in votes:
        attempts = [Attempt(task.id, "planted", (), text, StopReason.END) for text in answers]
        (group,) = recipe.judge([task], [attempts], seed.child("labels"))
        told = [verdict.passed for verdict in group.verdicts]
        if told != passed or group.pass_rate != sum(passed) / len(passed):
            return False
        if any(passed) and labelled and group.label_right is not True:
            return False
    return True


def _masks(recipe: CoEvolution, task: Task) -> bool:
    """What the prompt and the tool say must have no weight, what the policy writes must."""
    turns = (Turn("user", "q", (1, 2)), Turn("policy", "a", (3,), (-1.0,)), Turn("tool", "5", (4,)))
    attempt = Attempt(task.id, "planted", (*turns, turns[1]), "5", StopReason.END)
    group = [
        Trace(task, attempt, Verdict(reward, reward > 0, True, "exact"), "solver", {"p": 0.5})
        for reward in (1.0, 0.0)
    ]
    rows = recipe.rule([group]).batch.rows
    trained = [tuple(weight > 0.0 for weight in row.weights) for row in rows]
    return trained == [(False, False, True, False, True)] * 2


def _scales(recipe: CoEvolution, state: State, seed: Seed, task: Task) -> bool:
    """Two groups of unequal certainty must get unequal weight."""
    with opened(recipe.engine, recipe.store, state, "solver"):
        groups = _planted_groups(recipe, seed.child("scales"), task)
    return recipe.rule(groups).measures.get("scale_std", 0.0) > 0


def _clips(recipe: CoEvolution, state: State, seed: Seed, task: Task) -> bool:
    """Attempts that were far less likely when sampled must be clipped by the engine."""
    with opened(recipe.engine, recipe.store, state, "solver"):
        update = recipe.rule(_planted_groups(recipe, seed.child("clips"), task))
        rows = tuple(
            replace(row, old_logprobs=tuple(lp - 5.0 for lp in row.old_logprobs))
            for row in update.batch.rows
        )
        report = recipe.engine.forward_backward("solver", Batch(rows), update.loss)
    return report.clipped > 0


def _planted_groups(recipe: CoEvolution, seed: Seed, task: Task) -> list[list[Trace]]:
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
    recipe: CoEvolution, policy: str, procedure: Procedure, task: Task, seed: Seed
) -> list[Attempt]:
    """Sample attempts until two of them differ."""
    for trial in range(8):
        at = seed.child(trial)
        attempts = rollout(recipe.engine, policy, procedure, [task], at, 8, temperature=1.5)[0]
        if len({attempt.answer for attempt in attempts}) > 1:
            return attempts
    return attempts


def _pick(*tasks: Task, seen: str = "") -> list[Task]:
    attempt = Attempt("planted", "planted", (), "", StopReason.END)
    return pick_new([Proposal(attempt, task) for task in tasks], frozenset([seen]))
