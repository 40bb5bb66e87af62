"""Numbers of a generation for the report: the frontier, tool use, labels, and the pinned solver."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from ratchet.learn.step import Stepped
from ratchet.loop.policies import opened
from ratchet.loop.recipe import Context
from ratchet.recipes.coevolution.pool import Pool
from ratchet.verify.audit import audit
from ratchet.verify.labels import Labelled, Labels
from ratchet.worlds.arithmetic import LEVELS

if TYPE_CHECKING:
    from ratchet.recipes.coevolution.phases import CoEvolution


def describe(
    pool: Pool, steps: Sequence[Stepped], held: Sequence[Labelled] = ()
) -> dict[str, float]:
    """Return shares and means of a pool, of the steps taken on it and of the held tasks; what is
    empty is left out."""
    measures: dict[str, float] = {
        "proposed": len(pool.written),
        "attempted": len(pool.judged),
        "kept": len(pool.kept),
        "solver_steps": len(steps),
    }
    measures |= _written(pool) | _judged(pool) | _labels(pool) | _stepped(steps) | _held(held)
    return {**measures, **pool.measures}


def _written(pool: Pool) -> dict[str, float]:
    if not pool.written:
        return {}
    valid = [t for t in pool.written if t.verdict.passed]
    found = {"valid_share": len(valid) / len(pool.written)}
    if valid:
        found["distinct_share"] = len({t.attempt.answer for t in valid}) / len(valid)
        found["new_share"] = fmean(t.measures["new"] for t in valid)
    return found


def _judged(pool: Pool) -> dict[str, float]:
    if not pool.judged:
        return {}
    return {
        "pass_rate": fmean(group.pass_rate for group in pool.judged),
        "tool_calls": _calls(pool.judged),
        "kept_share": len(pool.kept) / len(pool.judged),
        "signal_share": fmean(0.0 < group.pass_rate < 1.0 for group in pool.judged),
    }


def _labels(pool: Pool) -> dict[str, float]:
    """Return what the audit says of the labels trained on, and where they came from."""
    if not pool.kept:
        return {}
    told, found = audit(pool.kept), dict[str, float]()
    if told.accuracy is not None:
        found |= {"label_accuracy": told.accuracy.mean, "label_errors": 1.0 - told.accuracy.mean}
        found |= {"label_low": told.accuracy.low, "label_high": told.accuracy.high}
    if told.rates is not None:
        found |= {"tpr": told.rates.tpr, "fpr": told.rates.fpr, "j": told.rates.j}
    if told.against is not None:
        found["weight_against"] = told.against
    found["inflow_share"] = inflow(pool.kept)
    return found | {
        f"level_{level}": fmean(group.task.level == level for group in pool.kept)
        for level in LEVELS
    }


def _stepped(steps: Sequence[Stepped]) -> dict[str, float]:
    if not steps:
        return {}
    names = ("clipped", "grad_norm", "kl")
    return {name: fmean(getattr(step, name) for step in steps) for name in names}


def _held(held: Sequence[Labelled]) -> dict[str, float]:
    if not held:
        return {}
    passed = [sum(v.passed for v in group.verdicts) for group in held]
    k = len(held[0].attempts)
    return {"held_pass_1": fmean(passed) / k, "held_pass_k": fmean(count > 0 for count in passed)}


def inflow(groups: Sequence[Labelled]) -> float:
    """Return the share of attempts that hold something from outside the model: a verdict by
    computed truth, or a tool's result."""
    held = [
        verdict.source == "exact" or attempt.tool_calls > 0
        for group in groups
        for attempt, verdict in zip(group.attempts, group.verdicts, strict=True)
    ]
    return fmean(held) if held else 0.0


def measure_pinned(recipe: CoEvolution, context: Context, pool: Pool) -> dict[str, float]:
    """Return pass rate and tool calls of the generation-0 solver on this generation's new tasks.

    The co-evolution signature of the paper: as the proposer learns, the first falls and the second
    rises. Judged by computed truth, whatever the run's labels are.
    """
    tasks = [group.task for group in pool.judged[: recipe.config.pinned_tasks]]
    if not tasks:
        return {}
    with opened(recipe.engine, recipe.store, context.initial, "solver"):
        judged = recipe.attempt(tasks, context, context.seed.child("pinned"), Labels("execution"))
    rate = fmean(group.pass_rate for group in judged)
    told = {"pinned_pass_rate": rate, "pinned_failures": 1.0 - rate}
    return told | {"pinned_tool_calls": _calls(judged)}


def _calls(judged: Sequence[Labelled]) -> float:
    return fmean(attempt.tool_calls for group in judged for attempt in group.attempts)
