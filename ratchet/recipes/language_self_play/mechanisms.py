"""What of the game must be alive, with planted triggers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.core.task import Attempt, StopReason, Task
from ratchet.curriculum.minimax import Stake, pay_challenger
from ratchet.loop.recipe import Mechanism
from ratchet.recipes.coevolution.mechanisms import list_filters, list_learning, plant_lesson
from ratchet.recipes.coevolution.sealed import seals
from ratchet.recipes.language_self_play.joint import with_quality
from ratchet.recipes.language_self_play.judging import choose_judge
from ratchet.verify.labels import Labels, judge
from ratchet.verify.quality import Quality, corrupt

if TYPE_CHECKING:
    from ratchet.recipes.language_self_play.recipe import LanguageSelfPlay


def list_mechanisms(recipe: LanguageSelfPlay, state: State, seed: Seed) -> list[Mechanism]:
    """Return every mechanism that the settings switch on."""
    c = recipe.config
    task = recipe.world.tasks(seed.child("task").rng(), 1)[0]
    found = list_learning(recipe, state, seed)
    found += list_filters(c, task) if c.drills else []
    if not any(c.plays(n) for n in range(1, c.generations + 1)):
        return found
    found.append(Mechanism("filter.sealed", partial(seals, task)))
    if c.teaches:
        found.append(Mechanism("reward.value", lambda: _leads(c.quality, Stake(0.0), Stake(1.0))))
    if not c.quality:
        return found
    if c.teaches:
        better, worse = Stake(0.5, 1.0), Stake(0.5, 0.0)
        found.append(Mechanism("reward.quality", lambda: _leads(c.quality, better, worse)))
    found.append(Mechanism("reward.quality_solver", partial(_adds, recipe, task)))
    found.append(Mechanism("judge", partial(_judges, recipe, state, seed, task)))
    if c.corrupt != "no":
        found.append(Mechanism("judge.corrupt", partial(_corrupts, recipe, seed)))
    return found


def _leads(weight: float, more: Stake, less: Stake) -> bool:
    first, second = pay_challenger([more, less], weight).rewards
    return first > second


def _adds(recipe: LanguageSelfPlay, task: Task) -> bool:
    """Of two wrong attempts the one of higher quality earns more, and passes no more for it."""
    attempts = [Attempt(task.id, "planted", (), "no", StopReason.END)] * 2
    group = judge(recipe.world, task, attempts, Labels("execution"), np.random.default_rng(0))
    rated = with_quality(group, [Quality(1.0, 1.0), Quality(0.0, 0.0)], recipe.config.quality)
    first, second = rated.verdicts
    return first.reward > second.reward and not first.passed


def _judges(recipe: LanguageSelfPlay, state: State, seed: Seed, task: Task) -> bool:
    """The judge tells pairs apart, and says the same after the solver has learned."""
    pairs = [(task.prompt, "12"), ("what ( is", ""), (task.prompt, "")]
    with recipe.opened(state, state):
        before = choose_judge(recipe)(pairs)
        plant_lesson(recipe, "solver", seed, task)
        after = choose_judge(recipe)(pairs)
    return len(set(before)) > 1 and before == after


def _corrupts(recipe: LanguageSelfPlay, seed: Seed) -> bool:
    scores = [Quality(n / 16, 1.0 - n / 16) for n in range(16)]
    given = corrupt(scores, recipe.config.corrupt, seed.child("corrupt").rng())
    if recipe.config.corrupt == "constant":
        return len(set(given)) == 1
    return given != scores and sorted(given, key=lambda q: q.instruction) == scores
