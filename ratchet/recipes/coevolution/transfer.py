"""Transfer: the first and the live solver on a second world that no part of the loop has touched.

Countdown asks for an expression that makes a number, the other way round than arithmetic. Its tasks
are the same in every generation, nothing is trained on them, and they decide nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.core.seeds import Seed
from ratchet.loop.policies import opened
from ratchet.loop.recipe import Context
from ratchet.solve.procedure import Procedure
from ratchet.solve.rollout import PolicySolver
from ratchet.worlds.countdown import EXAMPLES, Countdown

if TYPE_CHECKING:
    from ratchet.core.state import State
    from ratchet.recipes.coevolution.phases import CoEvolution

_SHOWN = "".join(f"Q: {prompt}\nA: {answer}\n" for prompt, answer in EXAMPLES)
_QUESTION = "Q: {prompt}\nA:"


def measure_transfer(recipe: CoEvolution, state: State, context: Context) -> dict[str, float]:
    """Return the shares that the live solver solves (``transfer``) and answers with an expression
    at all (``transfer_parsed``), greedy, and what changed since the first solver."""
    if not recipe.config.transfer_items:
        return {}
    first, now = (_measure(recipe, at) for at in (context.initial, state))
    changes = {f"{name}_change": now[name] - first[name] for name in now}
    return now | changes


def _measure(recipe: CoEvolution, state: State) -> dict[str, float]:
    world, c = Countdown(), recipe.config
    seed = Seed(c.seed).child("transfer")
    tasks = world.tasks(seed.child("tasks").rng(), c.transfer_items)
    procedure = Procedure("countdown", _SHOWN + _QUESTION, max_tokens=c.max_tokens)
    with opened(recipe.engine, recipe.store, state, "solver"):
        solver = PolicySolver(recipe.engine, "solver", procedure)
        answers = solver.answer([task.prompt for task in tasks], seed)
    verdicts = [world.check(task, text) for task, text in zip(tasks, answers, strict=True)]
    n = len(verdicts)
    return {
        "transfer": sum(verdict.reward for verdict in verdicts) / n,
        "transfer_parsed": sum(verdict.parsed for verdict in verdicts) / n,
    }
