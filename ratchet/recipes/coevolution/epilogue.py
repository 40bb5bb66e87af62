"""What the report of a co-evolution shows of before and after: samples, and everyday English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratchet.core.codec import to_data
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.core.task import Task
from ratchet.diagnose.quality import compare_quality, everyday_texts, score_texts
from ratchet.guard.charter import Charter, find_charter
from ratchet.loop.policies import opened
from ratchet.solve.procedure import Procedure
from ratchet.solve.rollout import rollout

if TYPE_CHECKING:
    from ratchet.recipes.coevolution.phases import CoEvolution

_SAMPLES = 12
_SHOWN_TEXTS = 6
_CONTINUE = Procedure("continue", "{prompt}", stop=("\n",), max_tokens=24)


def look_back(recipe: CoEvolution, initial: State, final: State) -> dict[str, Any]:
    """Attempt the same open tasks and score the same texts by the initial and the final solver."""
    seed = Seed(recipe.config.seed).child("epilogue")
    tasks = recipe.world.tasks(seed.child("tasks").rng(), _SAMPLES)
    found: dict[str, Any] = {"samples": _sample(recipe, initial, final, tasks, seed)}
    if recipe.config.quality_texts:
        found["quality"] = _check_quality(recipe, initial, final, seed)
    return found


def _sample(
    recipe: CoEvolution, initial: State, final: State, tasks: list[Task], seed: Seed
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"prompt": task.prompt} for task in tasks]
    for when, state in (("before", initial), ("after", final)):
        with opened(recipe.engine, recipe.store, state, "solver"):
            groups = rollout(
                recipe.engine, "solver", recipe.procedure, tasks, seed, temperature=0.0
            )
        for row, task, (attempt,) in zip(rows, tasks, groups, strict=True):
            row[when] = "".join(turn.text for turn in attempt.turns[1:]).strip()
            row[f"correct_{when}"] = recipe.world.check(task, attempt.answer).passed
    return rows


def _check_quality(recipe: CoEvolution, initial: State, final: State, seed: Seed) -> dict[str, Any]:
    texts = everyday_texts()[: recipe.config.quality_texts]
    openings = [" ".join(text.split()[:6]) for text in texts[:_SHOWN_TEXTS]]
    tasks = [Task(str(i), "", text, "", 0) for i, text in enumerate(openings)]
    scored: dict[str, list[tuple[float, int]]] = {}
    samples = [{"prompt": text} for text in openings]
    for when, state in (("before", initial), ("after", final)):
        with opened(recipe.engine, recipe.store, state, "solver"):
            scored[when] = score_texts(recipe.engine, "solver", texts)
            groups = rollout(recipe.engine, "solver", _CONTINUE, tasks, seed, temperature=0.0)
        for row, (attempt,) in zip(samples, groups, strict=True):
            row[when] = attempt.answer.strip()
    quality = compare_quality(scored["before"], scored["after"], seed.child("quality"))
    margin = Charter.read(find_charter(recipe.config.charter)).quality.margin
    return {
        **to_data(quality),
        "margin": margin,
        "within": margin is None or quality.relative.high <= margin,
        "samples": samples,
    }
