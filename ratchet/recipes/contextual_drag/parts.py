"""The parts that the recipe wires: its check, its solver, its drafts, its planted trigger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.core.task import Task
from ratchet.diagnose.drag.drafts import Chosen, choose
from ratchet.diagnose.drag.measure import Measure
from ratchet.diagnose.drag.observations import CLEAN, Response
from ratchet.diagnose.drag.policies import Comparison, Worth, decide_retry
from ratchet.engine.protocol import Engine
from ratchet.learn.supervised import supervised
from ratchet.learn.update import Update
from ratchet.loop.policies import opened
from ratchet.loop.versions import Store
from ratchet.recipes.contextual_drag.protocol import Protocol, as_numbers, compare_retries
from ratchet.solve.retry import Asking, Check, Retry, RetrySolver, Tried
from ratchet.worlds.countdown import Countdown, self_check


def passes(prompt: str, answer: str) -> bool:
    """Say whether an answer is valid, which the prompt alone determines."""
    return self_check(prompt, answer).passed


def imitate(groups: Sequence[Sequence[Trace]]) -> Update:
    """Return the recipe's update rule on groups, each attempt counting alike."""
    return supervised((trace for group in groups for trace in group), reduction="rows")


def describe(tried: Sequence[Tried], traces: Sequence[Trace]) -> dict[str, float]:
    """Return what practice came to: solved in the end, solved at once, tokens a task."""
    tokens = sum(t.cost.prompt_tokens + t.cost.tokens for t in tried)
    at_once = sum(t.verdict.passed for t in traces if not t.measures["try"])
    return {
        "solved": sum(bool(t.passed) for t in tried) / len(tried),
        "solved_at_once": at_once / len(tried),
        "tokens_per_task": tokens / len(tried),
    }


def choose_drafts(
    world: Countdown, tasks: Sequence[Task], pool: Sequence[Tried], problems: int, random: Random
) -> Chosen:
    """Choose problems with two wrong drafts and a right one from samples of their own."""
    groups: dict[str, list[Response]] = {}
    for place, each in enumerate(pool):
        verdict = world.check(each.task, each.answer)
        read = str(verdict.evidence.get("read", "")) if verdict.parsed else ""
        said = Response(each.task.id, CLEAN, f"pool/{place}", each.answer, read, verdict.passed)
        groups.setdefault(each.task.id, []).append(said)
    return choose(tasks, groups, 2, 1, problems, random)


def contrast(
    engine: Engine,
    policy: str,
    kept: Retry,
    asking: Asking,
    tasks: Sequence[Task],
    seed: Seed,
    protocol: Protocol,
) -> dict[str, Any]:
    """Return for the report what a kept retry policy solves beyond ``append`` at equal tokens."""
    if kept is Retry.APPEND:
        return {}
    kinds = (Retry.APPEND, kept)
    found = compare_retries(engine, policy, asking, tasks, passes, seed, kinds, protocol)
    told = f"retries by {kept} instead of append, equal tokens"
    return {"contrasts": {told: as_numbers(found)[f"retry_{kept}_minus_append"]}}


@dataclass(frozen=True)
class StoredRetries:
    """The solver of a state: its policy is loaded for the time of answering and dropped again."""

    engine: Engine
    store: Store
    state: State
    role: str
    kind: Retry
    asking: Asking
    check: Check
    tries: int
    tokens: int

    def answer(self, prompts: Sequence[str], seed: Seed) -> Sequence[str]:
        """Return one answer per prompt."""
        with opened(self.engine, self.store, self.state, self.role):
            rest = (self.asking, self.check, self.tries, self.tokens)
            return RetrySolver(self.engine, self.role, self.kind, *rest).answer(prompts, seed)


def planted_drag() -> bool:
    """Plant a comparison with drag and see the decision set policy and rendering."""
    none, harm = Measure(0.0, -0.1, 0.1, 50), Measure(0.3, 0.2, 0.4, 50)
    worth = Worth(none, none, none, none, none, 0.01)
    kinds = {Retry.RESTART: worth, Retry.APPEND: replace(worth, per_token=0.02)}
    findings = decide_retry(Comparison(harm, kinds, dict.fromkeys(kinds, none)))
    return [getattr(f.action, "value", None) for f in findings] == ["restart", False]
