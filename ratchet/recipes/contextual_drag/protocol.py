"""What a policy that knows Countdown does with drafts: the protocol, retries, fallback training.

The study chooses problems and drafts by samples of their own and puts every condition; the retry
policies solve the same problems at equal tokens; then fallback fine-tuning changes the policy, and
it is measured again on the same problems and drafts. Answers are kept in the folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.diagnose.drag.card import fill_card
from ratchet.diagnose.drag.drafts import Chosen
from ratchet.diagnose.drag.measure import Measure, difference_of, mean_of
from ratchet.diagnose.drag.observations import Draft, Observations
from ratchet.diagnose.drag.prompts import Format
from ratchet.diagnose.drag.speaker import EngineSpeaker
from ratchet.diagnose.drag.study import Findings, Plan, Study
from ratchet.engine.protocol import Engine, Optim
from ratchet.learn.fallback import Drafted, fallback
from ratchet.recipes.contextual_drag.warm import END, Side, err
from ratchet.report.drag_card import render_card
from ratchet.solve.retry import Asking, Check, Retry, retry
from ratchet.worlds.countdown import solve_exactly

FORM = Format("", (END,))
"""How problems are put to a model that was taught Countdown: no examples, no instructions."""
WHOLE = (
    "clean restart wrong_1 wrong_2 right_1 labelled excluded foreign shuffled no_verify synthetic"
)
COPYING = "clean wrong_1"
TUNED = "clean wrong_1 right_1"
"""Conditions of the whole study, of the one that compares sizes, of the one after fine-tuning."""
RETRIED = (Retry.APPEND, Retry.CORRECTION, Retry.RESTART)
"""Retry policies that are compared at equal tokens: those that the warm-up has taught."""


@dataclass(frozen=True)
class Protocol:
    """How large a study is."""

    family: str = "two"
    """Family of the problems."""
    problems: int = 100
    """Size of the matched subset."""
    tokens: int = 400
    """Most tokens of a task, read and written, where policies retry."""
    tries: int = 6
    """Most attempts at a task."""
    tune: int = 60
    """Steps of fallback fine-tuning."""
    rows: int = 32
    """Rows of such a step."""
    lr: float = 5e-4
    """Its learning rate."""


def measure_whole(
    engine: Engine, policy: str, protocol: Protocol, seed: int, folder: Path, check: Check
) -> dict[str, Measure]:
    """Return every measurement of the policy, which is left fine-tuned."""
    root = Seed(seed).child("protocol")
    found = put_conditions(engine, policy, protocol, seed, folder / "before", WHOLE)
    card = fill_card(found, policy, "countdown", seed)
    (folder / "card.html").write_text(render_card(card), encoding="utf-8")
    measures = dict(card.measures)
    at = root.child("retries")
    measures |= compare_retries(
        engine, policy, Asking(), found.chosen.tasks, check, at, RETRIED, protocol
    )
    tune(engine, policy, protocol, root.child("fallback"))
    again = put_conditions(
        engine, policy, protocol, seed, folder / "after", TUNED, found.chosen, rounds=0
    )
    changed = root.child("change").rng()
    for name in TUNED.split():
        measures[f"fallback_{name}"] = change(found.seen, again.seen, name, changed)
    measures["fallback_lost_right_1"] = change(again.seen, found.seen, "right_1", changed)
    return measures


def measure_copying(
    engine: Engine, policy: str, protocol: Protocol, seed: int, folder: Path, check: Check
) -> dict[str, Measure]:
    """Return accuracy, drag and copying alone, for a comparison of sizes."""
    found = put_conditions(engine, policy, protocol, seed, folder, COPYING, rounds=0)
    return dict(fill_card(found, policy, "countdown", seed).measures)


def put_conditions(
    engine: Engine,
    policy: str,
    protocol: Protocol,
    seed: int,
    folder: Path,
    conditions: str,
    chosen: Chosen | None = None,
    rounds: int = 5,
) -> Findings:
    """Put conditions to the policy, on problems that are a function of the seed."""
    plan = Plan(
        conditions=tuple(conditions.split()),
        problems=protocol.problems,
        candidates=4 * protocol.problems,
        pool=12,
        rounds=rounds,
        family=protocol.family,
        max_tokens=30,
        temperature=1.0,
        seed=seed,
    )
    speaker = EngineSpeaker(engine, policy, f"{policy}-{seed}-{folder.name}", batch=256)
    return Study(speaker, Side(taught=False), FORM, plan, folder, chosen=chosen).run()


def compare_retries(
    engine: Engine,
    policy: str,
    asking: Asking,
    tasks: Sequence[Task],
    check: Check,
    seed: Seed,
    kinds: Sequence[Retry],
    protocol: Protocol,
) -> dict[str, Measure]:
    """Return what each retry policy solves at equal tokens, and each later one minus each earlier.

    Keys: ``retry_append``, ``retry_restart_minus_append``. All make the same first attempts, by the
    same draws.
    """
    solved: dict[Retry, list[float]] = {}
    for kind in kinds:
        limits = (protocol.tries, protocol.tokens)
        tried = retry(engine, policy, kind, asking, tasks, check, seed, *limits)
        solved[kind] = [float(bool(each.passed)) for each in tried]
    rng = seed.child("intervals").rng()
    measures = {f"retry_{kind}": mean_of(rows, rng) for kind, rows in solved.items()}
    for worse, better in combinations(kinds, 2):
        pairs = list(zip(solved[better], solved[worse], strict=True))
        measures[f"retry_{better}_minus_{worse}"] = difference_of(pairs, rng)
    return measures


def tune(engine: Engine, policy: str, protocol: Protocol, seed: Seed) -> None:
    """Fine-tune by fallback: a wrong draft is judged wrong and a clean solution follows.

    On problems of the side that is not measured.
    """
    world, random, asking = Side(taught=True), Random(seed.child("drafts").integer()), Asking()
    for step in range(protocol.tune):
        tasks = world.tasks(seed.child(step).rng(), protocol.rows, family=protocol.family)
        examples = []
        for place, task in enumerate(tasks):
            solution = solve_exactly(task.prompt) or ""
            right = Draft(task.id, task.id, solution, solution, True)
            draft = right if place % 2 else err(world, task, right, random)
            if draft is None:
                continue
            told = asking.write(task.prompt, f"Draft: {draft.text}\n", "Verdict:")
            said = " right\nAnswer:" if draft.right else " wrong\nAnswer:"
            parts = (told, said, f" {solution}{END}")
            prompt, verdict, answer = (engine.encode(policy, part) for part in parts)
            examples.append(Drafted(prompt, verdict, answer, draft.right))
        update = fallback(examples)
        engine.forward_backward(policy, update.batch, update.loss)
        engine.optim_step(policy, Optim(protocol.lr))


def change(
    before: Observations, after: Observations, condition: str, rng: np.random.Generator
) -> Measure:
    """Return accuracy under a condition after minus before, on the problems of both."""
    pairs = [(after.mean(condition, p), before.mean(condition, p)) for p in before.problems]
    return difference_of(pairs, rng)


def as_numbers(measures: Mapping[str, Measure]) -> dict[str, dict[str, float]]:
    """Return what has a value as plain data: mean, low, high and n by name."""
    return {
        name: {"mean": m.value, "low": m.low, "high": m.high, "n": m.n}
        for name, m in measures.items()
        if m.value is not None and m.low is not None and m.high is not None
    }
