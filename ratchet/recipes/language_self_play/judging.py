"""The judge of quality: the frozen first solver, or the form; and its corruptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.loop.recipe import Context
from ratchet.recipes.coevolution.phases import reference
from ratchet.verify.labels import Labelled
from ratchet.verify.quality import Judge, Quality, RuleJudge, SelfJudge, Shot, corrupt

if TYPE_CHECKING:
    from ratchet.recipes.language_self_play.recipe import LanguageSelfPlay

SHOTS = (
    Shot(("8 + 6", "14"), instruction=True, response=True),
    Shot(("5 - * (", "7"), instruction=False, response=False),
    Shot(("47 - 19", "28"), instruction=True, response=True),
    Shot(("blue 7 plus", "what"), instruction=False, response=False),
    Shot(("6 * 13", ""), instruction=True, response=False),
    Shot(("(9 + 4) * 3", "39"), instruction=True, response=True),
)
"""Worked examples for a judge that asks a model; their tasks are open."""


def choose_judge(recipe: LanguageSelfPlay) -> Judge:
    """Return the judge of the settings; the first solver must be open for one that asks it."""
    if recipe.config.judge == "self":
        return SelfJudge(recipe.engine, reference("solver"), SHOTS)
    return RuleJudge(lambda text: isinstance(recipe.world.parse(text), Task), recipe.reads)


def judge_groups_quality(
    recipe: LanguageSelfPlay, context: Context, groups: Sequence[Labelled], seed: Seed
) -> list[tuple[Labelled, list[Quality]]]:
    """Return each group with the quality of its attempts, none where quality weighs nothing."""
    c = recipe.config
    if not c.quality:
        return [(group, []) for group in groups]
    pairs = [(g.task.prompt, a.answer.strip()) for g in groups for a in g.attempts]
    scores = choose_judge(recipe)(pairs)
    given = corrupt(scores, c.corrupt, seed.child("corrupt").rng())
    if c.corrupt != "no" and len(set(scores)) > 1:
        context.observe("judge.corrupt", given != scores)
    supply = iter(given)
    rated = [(group, [next(supply) for _ in group.attempts]) for group in groups]
    if any(len({one.mean for one in quality}) > 1 for _, quality in rated):
        context.observe("reward.quality_solver", True)
    return rated
