"""Absolute Zero (arXiv 2505.03335): one model proposes tasks on programs and solves them.

In each step it writes tasks of three modes, shown earlier ones from that mode's buffer; running
them decides whether they are tasks, what is right, and how hard they are; both roles learn in one
step of the shared weights, each role at each mode against its own mean. What is common to such
recipes is in `coevolution`.

Deviations from the paper: the attempts that measure a task are the ones trained on, ``practice``
adds tasks from the buffers; held-out inputs of an induction are the world's; buffers are rid of
equal tasks; candidates pass the loop's gate. See README.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import fmean

from ratchet.core.errors import ConfigError
from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.core.task import Task
from ratchet.curriculum.buffer import Buffer, Kept, mean_age, read_buffer
from ratchet.curriculum.propose import (
    Proposal,
    draw_uniform,
    pick_new,
    read_proposals,
    trace_proposals,
)
from ratchet.guard.charter import Charter, find_charter
from ratchet.learn.task_relative import task_relative
from ratchet.loop.recipe import Context, Mechanism
from ratchet.loop.versions import Store
from ratchet.recipes.absolute_zero.config import Config as Config
from ratchet.recipes.absolute_zero.mechanisms import list_own, observe_buffer, plant_deduction
from ratchet.recipes.absolute_zero.procedures import (
    list_procedures,
    proposing,
    request_of,
    seed_buffer,
)
from ratchet.recipes.absolute_zero.told import Told, learn_jointly
from ratchet.recipes.absolute_zero.warm import teach_language
from ratchet.recipes.coevolution.held import held_tasks
from ratchet.recipes.coevolution.observing import observe_filters, observe_payment
from ratchet.recipes.coevolution.phases import CoEvolution
from ratchet.recipes.coevolution.plan import plan as plan
from ratchet.recipes.coevolution.planted import Planted
from ratchet.recipes.coevolution.pool import Played, Pool, mark_new, pay_proposals
from ratchet.recipes.coevolution.sealed import drop_sealed, mark_sealed, observe_sealed, withhold
from ratchet.sandbox.open import open_sandbox
from ratchet.solve.procedure import Procedure, Tool
from ratchet.solve.rollout import rollout
from ratchet.verify.composite import shaped
from ratchet.verify.labels import Labelled, trace_labelled
from ratchet.worlds.programs import Programs
from ratchet.worlds.programs.python_world import PythonPrograms
from ratchet.worlds.protocol import World


class AbsoluteZero(CoEvolution):
    """See the module."""

    config: Config

    def __init__(self, config: Config, store: Store) -> None:
        super().__init__(config, store)
        self.rule = self.proposer_rule = partial(task_relative, baseline=config.baseline)

    def open_world(self) -> World:
        """The small language, or Python in a sandbox, which is then the run's.

        Raises ConfigError where the charter measures another world.
        """
        kind = Programs if self.config.world == "programs" else PythonPrograms
        measured = Charter.read(find_charter(self.config.charter)).world
        if not measured.endswith(f":{kind.__name__}"):
            raise ConfigError(
                f"the charter {self.config.charter} measures {measured}, not {self.config.world}",
                "--charter programs_small, or --charter python_programs for --world python",
            )
        if kind is Programs:
            return Programs(self.config.levels)
        self.sandbox = open_sandbox(self.isolation, workers=1)
        return PythonPrograms(self.sandbox, self.config.levels)

    def list_procedures(self, tool: Tool | None) -> dict[str, Procedure]:
        """Direct and few-shot, with the calculator and without."""
        c = self.config
        return list_procedures(c.form, c.max_tokens, c.max_turns, tool)

    def write_request(self) -> Procedure:
        """A list of questions to go on with."""
        return proposing(self.config.form, self.config.max_tokens)

    def plant(self, seed: Seed) -> Planted:
        """A deduction, whose output can be computed."""
        return plant_deduction(self.world, seed)

    def initial(self, seed: Seed) -> State:
        """Policies equal to the model, or to what supervised steps make of it; seeded buffers."""
        seeds = seed_buffer(self.world, self.config.examples or self.config.form.seeds)
        buffer = Buffer(limit=self.config.buffer_limit).add(seeds)
        state = teach_language(self, super().initial(seed), seed.child("warm"))
        return state.replace(buffer=self.store.write("buffer", "buffer.jsonl", buffer.write()))

    def mechanisms(self, state: State, seed: Seed) -> Sequence[Mechanism]:
        """Those of co-evolution, the composite, the buffers and the cells."""
        return [*super().mechanisms(state, seed), *list_own(self.config, self.plant(seed).task)]

    def play(
        self, state: State, context: Context, seen: frozenset[str], records: list[Trace]
    ) -> Played:
        """Take the joint steps of one generation."""
        c, told = self.config, Told(frozenset(task.id for task in held_tasks(self)))
        buffer = read_buffer(self.store.read(state["buffer"], "buffer.jsonl"), c.buffer_limit)
        for number in range(c.joint_steps):
            now = (context.generation - 1) * c.joint_steps + number + 1
            context.progress("joint", number, c.joint_steps)
            buffer = self.take_step(buffer, now, context, seen | told.tried, told)
        observe_buffer(context, buffer, now)
        parts = {"buffer": self.store.write("buffer", "buffer.jsonl", buffer.write())}
        measures = told.measures() | {"buffer_size": len(buffer.kept)}
        return Played(
            told.pool, told.steps, parts, measures | {"buffer_age": fmean(buffer.ages(now))}
        )

    def take_step(
        self, buffer: Buffer, now: int, context: Context, seen: frozenset[str], told: Told
    ) -> Buffer:
        """Propose, attempt, pay, and learn in both roles at once; return the grown buffer."""
        c, seed = self.config, context.seed.child("joint", now)
        proposals, requests = self.propose_modes(buffer, now, seed, told)
        if c.proposer == "uniform":
            count = c.proposals * len(self.world.families)
            tasks = [
                t for t in draw_uniform(self.world, seed.child("drawn"), count) if t.id not in seen
            ]
        else:
            tasks = pick_new(proposals, seen)
        judged, sealed = self.attempt(tasks, context, seed), mark_sealed(proposals, told.held)
        payment = withhold(pay_proposals(proposals, judged, c.weights), sealed)
        terms = {**payment.terms, "new": mark_new(proposals, seen)}
        written = trace_proposals(proposals, payment.rewards, terms, requests)
        offered = [p.outcome for p in proposals if isinstance(p.outcome, Task)] or tasks
        observe_filters(context, c, offered, seen, Pool(written, judged, judged))
        again = self.practise(buffer, now, context, seed, told.held.union(t.id for t in tasks))
        groups = [
            [shaped(t, c.wrong, c.unread) for t in trace_labelled(g)] for g in (*judged, *again)
        ]
        taught = drop_sealed(written, sealed) if c.proposer == "trained" else []
        observe_sealed(context, proposals, told.held, tasks, taught)
        if taught:
            observe_payment(context, proposals, judged, payment)
        told.add(written, judged, again)
        told.learned(learn_jointly(self, groups, [taught] if taught else [], context))
        named = {p.outcome.id: p.attempt.answer for p in proposals if isinstance(p.outcome, Task)}
        fresh = (Kept(t.id, named[t.id], t.family, now) for t in tasks if t.id in named)
        return buffer.add(fresh)

    def propose_modes(
        self, buffer: Buffer, now: int, seed: Seed, told: Told
    ) -> tuple[list[Proposal], list[Task]]:
        """Have the proposer write tasks of every mode, shown some of the mode's buffer."""
        c, proposals, requests = self.config, list[Proposal](), list[Task]()
        for family in self.world.families if c.proposer != "uniform" else ():
            at = seed.child("propose", family)
            shown = buffer.draw(at.child("shown").rng(), c.references, family, now, c.recall)
            told.ages.append(mean_age(shown, now))
            asked = request_of(c.form, family, shown)
            policy = c.policy("proposer")
            texts = rollout(self.engine, policy, self.request, [asked], at, c.proposals)[0]
            proposals += read_proposals(self.world, texts, family)
            requests += [asked] * len(texts)
        return proposals, requests

    def practise(
        self, buffer: Buffer, now: int, context: Context, seed: Seed, without: frozenset[str]
    ) -> list[Labelled]:
        """Have the solver try older tasks again."""
        at, tasks = seed.child("practise"), list[Task]()
        for family in self.world.families if self.config.practice else ():
            drawn = buffer.draw(at.child(family).rng(), self.config.practice, family, now)
            read = (self.world.parse(one.text) for one in drawn)
            tasks += [t for t in read if isinstance(t, Task) and t.id not in without]
        return self.attempt(tasks, context, at) if tasks else []


build = AbsoluteZero
