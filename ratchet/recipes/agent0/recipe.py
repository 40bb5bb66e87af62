"""Agent0 (arXiv 2511.16043): two policies from one model teach each other with zero outside data.

A proposer writes tasks and is paid for those that make the solver uncertain and make it call its
tool. The solver attempts them with a calculator; execution decides what is right; the tasks in a
band of difficulty train it by ADPO. Both are adapters, or copies, of one base.

Deviations from the paper: labels come from execution by default (plurality is a switch); a pass
rate is measured once, by the attempts that are then trained on; there are no reference-KL terms.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ratchet.core.errors import EngineError
from ratchet.core.findings import Finding, Reject
from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.core.state import Candidate, State
from ratchet.core.task import Cost, Task
from ratchet.curriculum.propose import (
    REQUEST,
    Proposal,
    draw_uniform,
    pick_frontier,
    pick_new,
    read_proposals,
    trace_proposals,
)
from ratchet.diagnose.proposals import NoValidProposals, RepeatedProposals
from ratchet.engine.local import LocalEngine
from ratchet.learn.adpo import adpo
from ratchet.learn.grpo import grpo
from ratchet.learn.step import Stepped, step
from ratchet.learn.update import Update
from ratchet.loop.policies import close_policies, create_policies, opened
from ratchet.loop.recipe import Context, Mechanism, Recipe
from ratchet.loop.versions import Store
from ratchet.recipes.agent0.config import Config as Config
from ratchet.recipes.agent0.epilogue import look_back
from ratchet.recipes.agent0.measures import describe, measure_pinned
from ratchet.recipes.agent0.mechanisms import (
    list_mechanisms,
    observe_filters,
    observe_payment,
    observe_rule,
)
from ratchet.recipes.agent0.monitors import list_monitors
from ratchet.recipes.agent0.plan import plan as plan
from ratchet.recipes.agent0.pool import Pool, pay_proposals
from ratchet.recipes.agent0.procedures import CALCULATOR, list_procedures, request
from ratchet.solve.procedure import Counted
from ratchet.solve.rollout import rollout
from ratchet.solve.stored import StoredSolver
from ratchet.verify.labels import Labelled, Source, judge_groups, trace_labelled
from ratchet.worlds.arithmetic import Arithmetic

ROLES = ("proposer", "solver")


class Agent0(Recipe):
    """See the module."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config, self.store, self.world = config, store, Arithmetic()
        c, threads = config, config.threads or os.cpu_count() or 1
        self.engine = LocalEngine(c.device, c.dtype, threads, c.micro_tokens, sampling=c.sampling)
        self.calculator = Counted(CALCULATOR.run)
        tool = replace(CALCULATOR, run=self.calculator) if config.tool else None
        self.procedures = list_procedures(config.max_tokens, config.max_turns, tool)
        self.procedure = self.procedures["few_shot_tool" if config.tool else "few_shot"]
        self.request = request(self.world, config.examples)
        self.probes = (NoValidProposals(), RepeatedProposals())
        self.monitors = list_monitors(config)
        self.rule = adpo if config.rule == "adpo" else grpo

    def initial(self, seed: Seed) -> State:
        """Two policies equal to the model, and nothing seen."""
        bases = dict.fromkeys(ROLES, self.config.model)
        policies = create_policies(self.engine, self.store, bases, self.config.kind, seed)
        return policies.replace(pool=self.store.write("pool", "seen.txt", ""))

    def mechanisms(self, state: State, seed: Seed) -> Sequence[Mechanism]:
        """Every reward term, filter, scale, clip and learner, with its planted trigger."""
        return list_mechanisms(self, state, seed)

    def improve(self, state: State, context: Context) -> Candidate:
        """One generation: the proposer learns, then writes a pool on which the solver learns."""
        seen = frozenset(self.store.read(state["pool"], "seen.txt").split())
        records: list[Trace] = []
        with opened(self.engine, self.store, state, *ROLES):
            try:
                if self.config.proposer == "trained":
                    for number in range(self.config.proposer_steps):
                        records += self.teach_proposer(context, context.seed.child("teach", number))
                pool = self.fill_pool(context, seen)
                steps = self.teach_solver(context, pool)
            except EngineError as error:
                failed = Finding("training_failed", error.message, Reject())
                return Candidate(state, tuple(records), (failed,))
            policies = close_policies(self.engine, self.store, *ROLES)
        known = "\n".join(sorted(seen.union(group.task.id for group in pool.judged)))
        after = state.replace(**policies, pool=self.store.write("pool", "seen.txt", known))
        measures = describe(pool, steps) | measure_pinned(self, context, pool)
        solved = [trace for group in pool.judged for trace in trace_labelled(group)]
        return Candidate(after, (*records, *pool.written, *solved), measures=measures)

    def solver(self, state: State) -> Solver:
        """The solver with its tool, greedy."""
        return StoredSolver(self.engine, self.store, state, self.procedure)

    def bases(self, state: State) -> Mapping[str, Solver]:
        """Every procedure by which the untrained model may be judged."""
        solver = partial(StoredSolver, self.engine, self.store, state)
        return {name: solver(procedure) for name, procedure in self.procedures.items()}

    def epilogue(self, initial: State, final: State) -> Mapping[str, Any]:
        """Samples and the quality probe, before and after."""
        return look_back(self, initial, final)

    def spent(self) -> Cost:
        """Tokens read and written by the engine, and the calculator's calls."""
        return self.engine.spent() + Cost(tool_calls=self.calculator.calls)

    def propose(self, seed: Seed, n: int) -> list[Proposal]:
        """Have the proposer write ``n`` texts and the world read them."""
        seed = seed.child("propose")
        texts = rollout(self.engine, "proposer", self.request, [REQUEST], seed, n)[0]
        return read_proposals(self.world, texts)

    def attempt(
        self, tasks: Sequence[Task], context: Context, seed: Seed, source: Source | None = None
    ) -> list[Labelled]:
        """Have the solver attempt each task and judge the attempts, by default as configured."""
        at, k, show = seed.child("solve"), self.config.attempts, partial(context.progress, "solve")
        groups = rollout(self.engine, "solver", self.procedure, tasks, at, k, progress=show)
        configured = "random" if self.config.reward == "random" else self.config.labels
        return judge_groups(self.world, tasks, groups, source or configured, seed.child("judge"))

    def teach_proposer(self, context: Context, seed: Seed) -> list[Trace]:
        """One step of the proposer on what the frozen solver makes of its proposals."""
        proposals = self.propose(seed, self.config.proposals)
        judged = self.attempt(pick_new(proposals, frozenset()), context, seed)
        payment = pay_proposals(proposals, judged, self.config.weights)
        observe_payment(context, proposals, judged, payment)
        traces = trace_proposals(proposals, payment.rewards, payment.terms)
        self.step("proposer", grpo([traces], baseline="role"), context)
        return traces

    def fill_pool(self, context: Context, seen: frozenset[str]) -> Pool:
        """Collect new tasks, attempt them, and keep those in the band of difficulty."""
        seed, c = context.seed.child("pool"), self.config
        proposals: list[Proposal] = []
        if c.proposer == "uniform":
            offered = draw_uniform(self.world, seed.child("uniform"), c.pool)
            tasks = [task for task in offered if task.id not in seen]
        else:
            proposals = self.propose(seed, c.pool)
            offered = [p.outcome for p in proposals if isinstance(p.outcome, Task)]
            tasks = pick_new(proposals, seen)
        judged = self.attempt(tasks, context, seed)
        kept = pick_frontier([group.pass_rate for group in judged], c.band_low, c.band_high)
        payment = pay_proposals(proposals, judged, self.config.weights)
        pool = Pool(
            trace_proposals(proposals, payment.rewards, payment.terms),
            judged,
            [judged[i] for i in kept[: c.tasks]],
        )
        observe_filters(context, c, offered, seen, pool)
        return pool

    def teach_solver(self, context: Context, pool: Pool) -> list[Stepped]:
        """Train the solver on the pool's kept tasks, batch by batch."""
        groups = [trace_labelled(group) for group in pool.kept]
        steps: list[Stepped] = []
        total = self.config.epochs * -(-len(groups) // self.config.batch)
        for epoch in range(self.config.epochs):
            order = context.seed.child("order", epoch).rng().permutation(len(groups))
            for start in range(0, len(groups), self.config.batch):
                batch = [groups[i] for i in order[start : start + self.config.batch]]
                context.progress("learn", len(steps), total)
                update = self.rule(batch)
                stepped = self.step("solver", update, context)
                if stepped is not None:
                    observe_rule(context, batch, update, stepped)
                    steps.append(stepped)
        return steps

    def step(self, role: str, update: Update, context: Context) -> Stepped | None:
        """Take one optimiser step and report whether the learner was alive in it."""
        return step(self.engine, role, update, self.config.optim(role), context.observe)


build = Agent0
