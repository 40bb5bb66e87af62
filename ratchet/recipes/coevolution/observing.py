"""What is observed of the mechanisms on the way: triggers that occurred, and their effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from ratchet.core.records import Trace
from ratchet.core.task import Task, Turn
from ratchet.curriculum.propose import Proposal
from ratchet.curriculum.rewards import Payment
from ratchet.learn.adpo import trust
from ratchet.learn.step import Stepped
from ratchet.learn.update import Update
from ratchet.loop.recipe import Context
from ratchet.recipes.coevolution.pool import Pool
from ratchet.recipes.coevolution.procedures import CALCULATOR
from ratchet.recipes.coevolution.settings import Settings
from ratchet.verify.labels import Labelled


def observe_payment(
    context: Context, proposals: Sequence[Proposal], judged: Sequence[Labelled], payment: Payment
) -> None:
    """Report each reward term whose trigger occurred; a term's effect is that it is not all 0.

    Triggers are read off texts and attempts, never off the terms: a term that is wired to the wrong
    text is always 0 and would look asleep. What the rewards make of a term is planted at start.
    """
    valid = [p.attempt.answer for p in proposals if isinstance(p.outcome, Task)]
    pairs = zip(proposals, payment.rewards, strict=True)
    unpaid = [reward <= 0 for p, reward in pairs if not isinstance(p.outcome, Task)]
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
    changed["reward.format"] = (bool(unpaid), all(unpaid))
    if "reward.boundary" in payment.changed:
        changed["reward.boundary"] = payment.changed["reward.boundary"]
    changed["reward.floor"] = payment.changed.get("reward.floor", (False, False))
    _observe_all(context, changed)


def observe_filters(
    context: Context, c: Settings, offered: Sequence[Task], seen: frozenset[str], pool: Pool
) -> None:
    """Report what the filters had to drop, and whether they did; and the tool's answers."""
    all_ids = [task.id for task in offered]
    ids = [group.task.id for group in pool.judged]
    outside = [g for g in pool.judged if not c.band_low <= g.pass_rate <= c.band_high]
    _observe_all(
        context,
        {
            "filter.distinct": (len(set(all_ids)) < len(all_ids), len(set(ids)) == len(ids)),
            "filter.new": (not seen.isdisjoint(all_ids), seen.isdisjoint(ids)),
            "filter.band": (
                bool(outside),
                not {id(g) for g in outside} & {id(g) for g in pool.kept},
            ),
        },
    )
    observe_tool(context, c, pool.judged)


def observe_tool(context: Context, c: Settings, judged: Sequence[Labelled]) -> None:
    """Report whether a call of the tool was answered, if one was made."""
    attempts = [attempt for group in judged for attempt in group.attempts]
    if c.tool and any(_calls(turn) for attempt in attempts for turn in attempt.turns):
        context.observe("tool", any(attempt.tool_calls for attempt in attempts))


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
