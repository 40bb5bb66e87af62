"""Numbers of a generation for the report: the frontier, tool use, labels, and the pinned solver."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from ratchet.learn.step import Stepped
from ratchet.loop.policies import opened
from ratchet.loop.recipe import Context
from ratchet.recipes.agent0.pool import Pool
from ratchet.verify.labels import Labelled, label_accuracy
from ratchet.worlds.arithmetic import LEVELS

if TYPE_CHECKING:
    from ratchet.recipes.agent0.recipe import Agent0


def describe(pool: Pool, steps: Sequence[Stepped]) -> dict[str, float]:
    """Return shares and means of a pool and of the steps taken on it; what is empty is left out."""
    measures: dict[str, float] = {
        "proposed": len(pool.written),
        "attempted": len(pool.judged),
        "kept": len(pool.kept),
        "solver_steps": len(steps),
    }
    if pool.written:
        texts = [t.attempt.answer for t in pool.written if t.verdict.passed]
        measures["valid_share"] = len(texts) / len(pool.written)
        if texts:
            measures["distinct_share"] = len(set(texts)) / len(texts)
    if pool.judged:
        measures["pass_rate"] = fmean(group.pass_rate for group in pool.judged)
        measures["tool_calls"] = _calls(pool.judged)
        measures["kept_share"] = len(pool.kept) / len(pool.judged)
    accuracy = label_accuracy(pool.kept)
    if accuracy is not None:
        measures["label_accuracy"] = accuracy
    if pool.kept:
        for level in LEVELS:
            share = fmean(group.task.level == level for group in pool.kept)
            measures[f"level_{level}"] = share
    if steps:
        measures["clipped"] = fmean(step.clipped for step in steps)
        measures["grad_norm"] = fmean(step.grad_norm for step in steps)
    return measures


def measure_pinned(recipe: Agent0, context: Context, pool: Pool) -> dict[str, float]:
    """Return pass rate and tool calls of the generation-0 solver on this generation's new tasks.

    The co-evolution signature of the paper: as the proposer learns, the first falls and the second
    rises. Judged by computed truth, whatever the run's labels are.
    """
    tasks = [group.task for group in pool.judged[: recipe.config.pinned_tasks]]
    if not tasks:
        return {}
    with opened(recipe.engine, recipe.store, context.initial, "solver"):
        judged = recipe.attempt(tasks, context, context.seed.child("pinned"), "execution")
    rate = fmean(group.pass_rate for group in judged)
    return {"pinned_pass_rate": rate, "pinned_tool_calls": _calls(judged)}


def _calls(judged: Sequence[Labelled]) -> float:
    return fmean(attempt.tool_calls for group in judged for attempt in group.attempts)
