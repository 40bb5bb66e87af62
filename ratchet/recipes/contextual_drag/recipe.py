"""Contextual drag (arXiv 2602.04288) in a loop that retries, and acts on what it measures.

A solver practises Countdown, tries failed tasks again, and learns from what it solved. Every few
generations it measures, on open problems, what a wrong draft in the context does to the policy as
it is now; with ``retry = "auto"`` the finding sets the retry policy and takes raw failures out of
prompts. The retry policy is a component of the state: it is gated and rolled back with the weights.

Truth drives retries in practice. In measurement only the prompt does: it says what a valid answer
is. All retry policies may spend the same tokens on a task.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from ratchet.core.findings import Finding
from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.core.state import Candidate, Component, State
from ratchet.core.task import Cost, Task
from ratchet.diagnose.drag.formats import format_of
from ratchet.diagnose.drag.policies import Comparison, compare_policies, decide_retry
from ratchet.engine.local import LocalEngine
from ratchet.engine.protocol import Engine
from ratchet.learn.step import learns, step
from ratchet.learn.supervised import supervised
from ratchet.loop.policies import close_policies, create_policies, opened
from ratchet.loop.recipe import Context, Mechanism, Parameter, Recipe
from ratchet.loop.versions import Store
from ratchet.recipes.contextual_drag.config import Config as Config
from ratchet.recipes.contextual_drag.parts import (
    StoredRetries,
    choose_drafts,
    contrast,
    describe,
    imitate,
    passes,
    planted_drag,
)
from ratchet.recipes.contextual_drag.protocol import (
    as_numbers,
    measure_copying,
    measure_whole,
)
from ratchet.recipes.contextual_drag.warm import Side
from ratchet.recipes.contextual_drag.weights import PREFIX, find_base
from ratchet.solve.retry import Asking, Retry, Tried, retry
from ratchet.worlds.countdown import Countdown

ROLE = "solver"
FILE = "retry.txt"


class ContextualDrag(Recipe):
    """See the module."""

    def __init__(self, config: Config, store: Store, engine: Engine | None = None) -> None:
        threads = config.threads or os.cpu_count() or 1
        self.config, self.store = config, store
        self.world = Side(taught=False) if config.model.startswith(PREFIX) else Countdown()
        self.engine = engine or LocalEngine(config.device, config.dtype, threads)
        self.base = find_base(config.model, config.seed, config.warm)
        header = format_of(self.world.name).header if config.shots else ""
        self.asking = Asking(header, config.max_tokens)
        start = "append" if config.retry == "auto" else config.retry
        self.parameters: Mapping[str, Parameter] = {"retry": start, "show_failures": True}

    def initial(self, seed: Seed) -> State:
        """The model, which knows Countdown, and the retry policy that the loop starts with."""
        kind = self.config.kind
        state = create_policies(self.engine, self.store, {ROLE: self.base}, kind, seed)
        return state.replace(retry=self.keep(str(self.parameters["retry"])))

    def keep(self, kind: str) -> Component:
        """Return the component of a retry policy."""
        return self.store.write("retry", FILE, kind)

    def mechanisms(self, state: State, seed: Seed) -> Sequence[Mechanism]:
        """The learner, and the finding that sets the retry policy."""
        return [
            Mechanism(f"learner.{ROLE}", partial(self.can_learn, state, seed)),
            Mechanism("finding.contextual_drag", planted_drag),
        ]

    def can_learn(self, state: State, seed: Seed) -> bool:
        """Plant a batch in a copy of the policy and see its target become likelier."""
        with opened(self.engine, self.store, state, ROLE):
            task = self.world.tasks(seed.rng(), 1, family=self.config.families[0])[0]
            tried = [self.attempt([task] * 8, Retry.RESTART, seed, tries=1)]
            attempts = [t.attempts[0] for t in tried[0]]
            return learns(self.engine, ROLE, attempts, imitate, self.config.optim)

    def improve(self, state: State, context: Context) -> Candidate:
        """Measure drag where due, practise, learn; a retry policy just set is tried by itself."""
        kind = Retry(str(context.parameters["retry"]))
        if not context.parameters["show_failures"] and kind is Retry.APPEND:
            kind = Retry.RESTART
        with opened(self.engine, self.store, state, ROLE):
            findings = self.measure_drag(context)
            tasks = self.draw(context.seed.child("tasks"), self.config.tasks)
            tried = self.attempt(tasks, kind, context.seed.child("practise"))
            traces = [trace for each in tried for trace in self.judge(each)]
            switched = str(kind) != self.store.read(state["retry"], FILE)
            if not (switched and self.config.measures_drag(context.generation - 1)):
                self.learn([t for t in traces if t.verdict.passed], context)
            after = state.replace(**close_policies(self.engine, self.store, ROLE))
        after = after.replace(retry=self.keep(str(kind)))
        return Candidate(after, tuple(traces), tuple(findings), measures=describe(tried, traces))

    def measure_drag(self, context: Context) -> list[Finding]:
        """Return the drag finding every few generations; it acts where retry is ``auto``."""
        if not self.config.measures_drag(context.generation):
            return []
        found = self.compare(context.seed.child("drag"))
        if found is None:
            return [Finding("drag_unmeasured", "no problem had two wrong drafts and a right one")]
        findings = decide_retry(found, self.config.drag_threshold)
        context.observe("finding.contextual_drag", True)
        if self.config.retry == "auto":
            return findings
        return [Finding(f.name, f.message, measures=f.measures) for f in findings]

    def compare(self, seed: Seed) -> Comparison | None:
        """Measure the retry policies on open problems, with drafts by samples of their own."""
        tasks = self.draw(seed.child("tasks"), 4 * self.config.drag_problems)
        pool = self.attempt([t for t in tasks for _ in range(6)], Retry.RESTART, seed, tries=1)
        random = Random(seed.child("choose").integer())
        chosen = choose_drafts(self.world, tasks, pool, self.config.drag_problems, random)
        if len(chosen.tasks) < 2:
            return None
        at = seed.child("compare")
        return compare_policies(self.engine, ROLE, self.asking, self.world, chosen, at)

    def draw(self, seed: Seed, n: int) -> list[Task]:
        """Draw open tasks evenly from the families."""
        share = -(-n // len(self.config.families))
        rng = seed.rng()
        tasks = [t for f in self.config.families for t in self.world.tasks(rng, share, family=f)]
        return tasks[:n] if len(self.config.families) == 1 else tasks

    def attempt(
        self, tasks: Sequence[Task], kind: Retry, seed: Seed, tries: int = 0
    ) -> list[Tried]:
        """Attempt tasks with retries; truth says which are to be retried."""
        limits = (tries or self.config.tries, self.config.tokens)
        return retry(self.engine, ROLE, kind, self.asking, tasks, passes, seed, *limits)

    def judge(self, tried: Tried) -> list[Trace]:
        """Return every attempt at a task as a trace, with its place among the tries."""
        return [
            Trace(
                tried.task, a, self.world.check(tried.task, a.answer), ROLE, {"try": float(place)}
            )
            for place, a in enumerate(tried.attempts)
        ]

    def learn(self, solved: Sequence[Trace], context: Context) -> None:
        """Train on solved attempts, each as it was made."""
        for epoch in range(self.config.epochs):
            order = context.seed.child("order", epoch).rng().permutation(len(solved))
            for start in range(0, len(solved), self.config.batch):
                batch = [solved[i] for i in order[start : start + self.config.batch]]
                step(self.engine, ROLE, supervised(batch), self.config.optim, context.observe)

    def solver(self, state: State) -> Solver:
        """The policy with its retry policy, by what the prompt allows."""
        c, kind = self.config, Retry(self.store.read(state["retry"], FILE))
        retries = (kind, self.asking, passes, c.tries, c.tokens)
        return StoredRetries(self.engine, self.store, state, ROLE, *retries)

    def epilogue(self, initial: State, final: State) -> Mapping[str, Any]:
        """What the study of the first state found, or what the last one's retries are worth."""
        c, looked = self.config, initial
        if c.study == "none":
            looked = final
        with opened(self.engine, self.store, looked, ROLE):
            if c.study == "none":
                kept = Retry(self.store.read(final["retry"], FILE))
                seed = Seed(c.seed).child("contrast")
                tasks = self.draw(seed.child("tasks"), c.study_problems)
                return contrast(self.engine, ROLE, kept, self.asking, tasks, seed, c.protocol)
            look = measure_whole if c.study == "whole" else measure_copying
            folder = self.store.folder.parent / "study"
            found = look(self.engine, ROLE, c.protocol, c.seed, folder, passes)
        return {"study": as_numbers(found)}

    def spent(self) -> Cost:
        """Tokens read and written by the engine."""
        return self.engine.spent() if isinstance(self.engine, LocalEngine) else Cost()


build = ContextualDrag
