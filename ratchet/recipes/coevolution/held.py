"""Held tasks: open ones that nobody trains on, attempted anew in every generation.

They show pass@1 and pass@k of the live solver on one and the same problems, where the curriculum
moves. They are drawn from the open part of the world; the anchors stay with the evaluator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.curriculum.propose import draw_uniform
from ratchet.loop.recipe import Context
from ratchet.verify.labels import Labelled, Labels

if TYPE_CHECKING:
    from ratchet.recipes.coevolution.phases import CoEvolution


def held_tasks(recipe: CoEvolution) -> list[Task]:
    """Return the run's held tasks, evenly by family; the same in every generation."""
    n = recipe.config.held_tasks
    return draw_uniform(recipe.world, Seed(recipe.config.seed).child("held"), n) if n else []


def attempt_held(recipe: CoEvolution, tasks: list[Task], context: Context) -> list[Labelled]:
    """Have the solver that is open attempt the held tasks; judged by computed truth."""
    if not tasks:
        return []
    return recipe.attempt(tasks, context, context.seed.child("held"), Labels("execution"))
