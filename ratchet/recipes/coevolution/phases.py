"""The phases of co-evolution: a frozen solver pays the proposer, whose tasks then train the solver.

What a recipe adds is small: its procedures, its rule, its settings. Proposer and solver are two
policies or one (``roles``), each with a KL to its frozen first state if that is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from ratchet.core.errors import EngineError
from ratchet.core.findings import Finding, Reject
from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.core.state import Candidate, State
from ratchet.core.task import Attempt, Cost, Task
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
from ratchet.engine.losses import PolicyGradient
from ratchet.guard.charter import Charter, find_charter
from ratchet.learn.adpo import adpo
from ratchet.learn.grpo import grpo
from ratchet.learn.step import Stepped, joint_step
from ratchet.learn.task_relative import task_relative
from ratchet.learn.update import Update
from ratchet.loop.policies import close_policies, create_policies, opened, opened_as
from ratchet.loop.recipe import Context, Mechanism, Recipe
from ratchet.loop.versions import Store
from ratchet.recipes.coevolution.epilogue import look_back
from ratchet.recipes.coevolution.ground import GROUNDS, Ground, find_ground
from ratchet.recipes.coevolution.held import attempt_held, held_tasks
from ratchet.recipes.coevolution.measures import describe, measure_pinned
from ratchet.recipes.coevolution.mechanisms import list_mechanisms
from ratchet.recipes.coevolution.monitors import list_monitors
from ratchet.recipes.coevolution.observing import (
    observe_filters,
    observe_payment,
    observe_rule,
)
from ratchet.recipes.coevolution.planted import Planted
from ratchet.recipes.coevolution.pool import Played, Pool, mark_new, pay_proposals
from ratchet.recipes.coevolution.procedures import CALCULATOR, list_procedures, request
from ratchet.recipes.coevolution.settings import Settings
from ratchet.recipes.coevolution.transfer import measure_transfer
from ratchet.solve.procedure import Counted, Procedure, Tool
from ratchet.solve.rollout import rollout
from ratchet.solve.stored import StoredSolver
from ratchet.verify.labels import Labelled, Labels, judge_groups, trace_labelled
from ratchet.worlds.protocol import World

ROLES = ("proposer", "solver")
Rule = Callable[[Sequence[Sequence[Trace]]], Update]
"""From groups of traces to what is learned from them."""


def reference(policy: str) -> str:
    """Return the name under which a policy's first state is open."""
    return f"{policy}.first"


class CoEvolution(Recipe):
    """A proposer and a solver, on the world that the charter measures."""

    grounds: ClassVar[Mapping[str, Ground]] = GROUNDS
    """The worlds that the recipe can stand on."""

    def __init__(self, config: Settings, store: Store) -> None:
        self.config, self.store = config, store
        self.world = self.open_world()
        c, threads = config, config.threads or os.cpu_count() or 1
        sizes = (c.device, c.dtype, threads, c.micro_tokens)
        self.engine = LocalEngine(*sizes, sampling=c.sampling, training=c.training)
        self.calculator = Counted(CALCULATOR.run)
        tool = replace(CALCULATOR, run=self.calculator) if config.tool else None
        self.procedures = self.list_procedures(tool)
        self.procedure = self.procedures[config.answering]
        self.request = self.write_request()
        writer = config.policy("proposer")
        self.probes = (NoValidProposals(component=writer), RepeatedProposals(component=writer))
        self.monitors = list_monitors(config)
        rules: Mapping[str, Rule] = {
            "adpo": partial(adpo, normalise=config.adpo_normalise),
            "grpo": grpo,
            "task_relative": task_relative,
        }
        self.rule = rules[config.rule]
        self.proposer_rule: Rule = partial(grpo, baseline="role")
        self.left: set[str] = set()
        """Policies that have left their first state, as far as this generation has come."""

    @property
    def ground(self) -> Ground:
        """The world that the charter measures, and what is shown of it."""
        return find_ground(Charter.read(find_charter(self.config.charter)), self.grounds)

    def open_world(self) -> World:
        """Return the world that tasks come from. Raises ConfigError on an unknown one."""
        return self.ground.open(Charter.read(find_charter(self.config.charter)))

    def list_procedures(self, tool: Tool | None) -> dict[str, Procedure]:
        """Return the procedures by which a solver may be judged, by name."""
        shots = self.ground.shots(self.world)
        return list_procedures(self.config.max_tokens, self.config.max_turns, tool, shots)

    def write_request(self) -> Procedure:
        """Return what the proposer is asked."""
        return request(self.world, self.config.examples or self.ground.examples(self.world))

    def plant(self, seed: Seed) -> Planted:
        """Return an open task with a right and a wrong answer, for planted triggers."""
        return self.ground.plant(self.world.tasks(seed.rng(), 1)[0])

    def initial(self, seed: Seed) -> State:
        """Policies equal to the model, and nothing seen."""
        bases = dict.fromkeys(self.config.policies, self.config.model)
        policies = create_policies(self.engine, self.store, bases, self.config.kind, seed)
        return policies.replace(pool=self.store.write("pool", "seen.txt", ""))

    def mechanisms(self, state: State, seed: Seed) -> Sequence[Mechanism]:
        """Every reward term, filter, label, scale, clip, KL and learner, with its trigger."""
        return list_mechanisms(self, state, seed)

    def improve(self, state: State, context: Context) -> Candidate:
        """One generation: the proposer learns, then writes a pool on which the solver learns."""
        held = held_tasks(self)
        seen = frozenset(self.store.read(state["pool"], "seen.txt").split())
        records: list[Trace] = []
        self.left = {p for p in self.config.policies if state[p] != context.initial[p]}
        with self.opened(state, context.initial):
            try:
                played = self.play(state, context, seen.union(task.id for task in held), records)
            except EngineError as error:
                failed = Finding("training_failed", error.message, Reject())
                return Candidate(state, tuple(records), (failed,))
            examined = attempt_held(self, held, context)
            policies = close_policies(self.engine, self.store, *self.config.policies)
        pool = played.pool
        known = "\n".join(sorted(seen.union(group.task.id for group in pool.judged)))
        parts = {**policies, **played.parts, "pool": self.store.write("pool", "seen.txt", known)}
        after = state.replace(**parts)
        measures = describe(pool, played.steps, examined) | measure_pinned(self, context, pool)
        measures |= played.measures
        measures |= measure_transfer(self, after, context)
        solved = [trace for group in pool.judged for trace in trace_labelled(group)]
        told = [trace for group in examined for trace in trace_labelled(group, "held")]
        return Candidate(after, (*records, *pool.written, *solved, *told), measures=measures)

    def play(
        self, state: State, context: Context, seen: frozenset[str], records: list[Trace]
    ) -> Played:
        """Teach the open policies; add to ``records`` what the pool that is returned does not hold.

        ``seen`` holds the tasks that may not be trained on: those of before, and the held ones.
        """
        if self.config.proposer == "trained":
            for number in range(self.config.proposer_steps):
                records += self.teach_proposer(context, context.seed.child("teach", number))
        pool = self.fill_pool(context, seen, uniform=self.config.proposer == "uniform")
        return Played(pool, self.teach_solver(context, pool))

    def references(self) -> set[str]:
        """Return the policies whose frozen first state is open while others learn."""
        return {self.config.policy(role) for role in ROLES if self.config.kl(role)}

    @contextmanager
    def opened(self, state: State, initial: State) -> Iterator[None]:
        """Open the policies, and the frozen first state of those that are held to it."""
        frozen = {reference(policy): policy for policy in sorted(self.references())}
        with (
            opened(self.engine, self.store, state, *self.config.policies),
            opened_as(self.engine, self.store, initial, frozen),
        ):
            yield

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
        writer, seed = self.config.policy("proposer"), seed.child("propose")
        texts = rollout(self.engine, writer, self.request, [REQUEST], seed, n)[0]
        return read_proposals(self.world, texts)

    def attempt(
        self, tasks: Sequence[Task], context: Context, seed: Seed, labels: Labels | None = None
    ) -> list[Labelled]:
        """Have the solver attempt each task and judge the attempts, by default as configured."""
        at, k, show = seed.child("solve"), self.config.attempts, partial(context.progress, "solve")
        groups = rollout(self.engine, "solver", self.procedure, tasks, at, k, progress=show)
        return self.judge(tasks, groups, seed.child("judge"), labels)

    def judge(
        self,
        tasks: Sequence[Task],
        groups: Sequence[Sequence[Attempt]],
        seed: Seed,
        labels: Labels | None = None,
    ) -> list[Labelled]:
        """Label groups of attempts, by default as configured."""
        return judge_groups(self.world, tasks, groups, labels or self.config.label, seed)

    def teach_proposer(self, context: Context, seed: Seed) -> list[Trace]:
        """One step of the proposer on what the frozen solver makes of its proposals."""
        proposals = self.propose(seed, self.config.proposals)
        judged = self.attempt(pick_new(proposals, frozenset()), context, seed)
        payment = pay_proposals(proposals, judged, self.config.weights)
        observe_payment(context, proposals, judged, payment)
        traces = trace_proposals(proposals, payment.rewards, payment.terms)
        self.step("proposer", self.proposer_rule([traces]), context)
        return traces

    def fill_pool(self, context: Context, seen: frozenset[str], uniform: bool) -> Pool:
        """Collect new tasks, from the world or the proposer; attempt them, keep those in the band
        of difficulty."""
        seed, c = context.seed.child("pool"), self.config
        proposals: list[Proposal] = []
        if uniform:
            offered = draw_uniform(self.world, seed.child("uniform"), c.pool)
            tasks = [task for task in offered if task.id not in seen]
        else:
            proposals = self.propose(seed, c.pool)
            offered = [p.outcome for p in proposals if isinstance(p.outcome, Task)]
            tasks = pick_new(proposals, seen)
        judged = self.attempt(tasks, context, seed)
        kept = pick_frontier([group.pass_rate for group in judged], c.band_low, c.band_high)
        payment = pay_proposals(proposals, judged, self.config.weights)
        terms = {**payment.terms, "new": mark_new(proposals, seen)}
        pool = Pool(
            trace_proposals(proposals, payment.rewards, terms),
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
        """Take one optimiser step of one role."""
        return self.learn({role: update}, context).get(role)

    def learn(self, updates: Mapping[str, Update], context: Context) -> dict[str, Stepped]:
        """Take one step of each policy on the updates of its roles, together where both are its
        own, and report whether learners and KL were alive in it."""
        c, found = self.config, dict[str, Stepped]()
        for policy in dict.fromkeys(map(c.policy, updates)):
            roles = [role for role in updates if c.policy(role) == policy]
            mine = {role: self.with_reference(role, updates[role]) for role in roles}
            optim = c.optim(policy if policy in mine else next(iter(mine)))
            stepped = joint_step(self.engine, policy, mine, optim, context.observe)
            for role, one in stepped.items():
                if c.kl(role) and policy in self.left:
                    context.observe(f"kl.{role}", one.kl > 0.0)
            self.left.update([policy] if stepped else [])
            found |= stepped
        return found

    def with_reference(self, role: str, update: Update) -> Update:
        """Return the update with the role's KL to its first state, which must be open."""
        weight = self.config.kl(role)
        if not weight or not isinstance(update.loss, PolicyGradient):
            return update
        rows = [row.tokens for row in update.batch.rows]
        scored = self.engine.score(reference(self.config.policy(role)), rows) if rows else []
        return replace(update.with_reference(scored), loss=replace(update.loss, kl=weight))
