"""Scaling laws: evolve form and fitting routine together, choose by extrapolation (SLDAgent).

Lin et al., arXiv 2507.21184, with a typed grammar in place of the language model. The state is a
law and the archive of all programs that were tried; a generation is a slice of the budget.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ratchet.core.codec import canonical_json, from_data, hash_data, to_data
from ratchet.core.events import Event
from ratchet.core.records import Evaluation
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.core.state import Candidate, State
from ratchet.guard.charter import Charter
from ratchet.loop.recipe import Context, Mechanism, Recipe
from ratchet.loop.versions import Store
from ratchet.recipes.scaling_laws.config import Config as Config
from ratchet.recipes.scaling_laws.parts import make_search
from ratchet.recipes.scaling_laws.parts import split_run as split_run
from ratchet.recipes.scaling_laws.parts import sum_up as sum_up
from ratchet.research.scaling_laws.choose import choose
from ratchet.research.scaling_laws.document import Evidence, publish, read_tried
from ratchet.research.scaling_laws.expression import Array
from ratchet.research.scaling_laws.form import parse_form
from ratchet.research.scaling_laws.human import plain_law, seeds_of
from ratchet.research.scaling_laws.law import Law, fit_law
from ratchet.research.scaling_laws.problem import Problem
from ratchet.research.scaling_laws.render import algebra
from ratchet.research.scaling_laws.sanity import depends_on_batch
from ratchet.research.scaling_laws.solver import LawSolver
from ratchet.research.scaling_laws.table import Table, find_task, read_table
from ratchet.search.archive import Archive
from ratchet.search.cascade import self_test
from ratchet.search.endpoint import extract_program
from ratchet.search.evolve import Search, Tally


@dataclass
class ScalingLaws(Recipe):
    """See the module."""

    config: Config
    store: Store

    @cached_property
    def _terms(self) -> tuple[Table, tuple[int, ...]]:
        """The whole table, and the rows that are sealed."""
        terms = Charter.read(Path(self.config.charter)).table
        assert terms is not None
        table = read_table(Path(terms.path), find_task(self.config.task))
        return table, (*terms.gate, *terms.audit, *terms.final)

    @cached_property
    def problem(self) -> Problem:
        """The search's rows and its way of judging."""
        table, sealed = self._terms
        kept = np.setdiff1d(np.arange(len(table)), sealed)
        plain = self.config.fitter == "fixed"
        return Problem(table.at(kept), Seed(self.config.seed), self.config.selection, plain)

    @cached_property
    def search(self) -> Search:
        """Who proposes and who judges."""
        return make_search(self.config, self.problem)

    def initial(self, seed: Seed) -> State:
        """Start from the best known law by hold-outs, or the plain power law, and no archive."""
        plain, *known = self._firsts()
        found = {text: self.problem.assess(text) for text in known}
        sane = [text for text in known if not found[text].failure]
        first = max(sane, key=lambda text: found[text].score, default=plain)
        return State(
            {
                "program": self._close(fit_law(parse_form(first), self.problem.table, {})),
                "archive": self.store.close("archive", Archive(islands=self.config.islands).write),
            }
        )

    def mechanisms(self, state: State, seed: Seed) -> Sequence[Mechanism]:
        """The evaluator must tell good from bad, the grammar must write laws, the choice choose."""
        return [
            Mechanism("evaluator", self._tells_apart),
            Mechanism("proposer", lambda: self._writes(seed)),
            Mechanism("independence", lambda: self._depends(_centre, seed)),
        ]

    def improve(self, state: State, context: Context) -> Candidate:
        """Spend a slice of the budget, then take the best law by nested hold-outs."""
        archive = Archive.read(self.store.open(state["archive"]))
        firsts = self._firsts()
        planted = self.search.plant(archive, firsts) if not len(archive) else Tally()
        share = self.config.budget // max(1, self.config.generations)
        seed = Seed(self.config.seed).child("search")
        left = max(0, share - planted.evaluations)
        archive, tally = self.search.advance(archive, left, seed, told=self._teller(context))
        entries = [*planted.new, *tally.new]
        if len(entries) > 8:
            context.observe("proposer", any(e.failure != "not_a_law" for e in entries))
            context.observe("evaluator", len({(e.failure, e.score) for e in entries}) > 1)
        chosen = choose(self.problem, archive, seed.child("choose"), firsts[1:])[0]
        measures = {
            "nmse": chosen.nmse,
            "evaluations": float(len(entries)),
            "known": float(tally.known),
            "archive": float(len(archive)),
        }
        law = fit_law(self.problem.read(chosen.entry.program), self.problem.table, measures)
        alone = not self._depends(law.predict, seed.child("independence"))
        context.observe("independence", alone)
        told = f"best so far, inner R2 {1 - chosen.nmse:.4f}: {algebra(law.parsed)}"
        context.tell(Event("phase", {"phase": "search", "what": told}))
        records = tuple(
            Evaluation(e.program, e.score, (e.parents or ("",))[0], e.feedback, e.measures)
            for e in entries
        )
        after = state.replace(
            program=self._close(law), archive=self.store.close("archive", archive.write)
        )
        return Candidate(after, records, measures=measures)

    def solver(self, state: State) -> Solver:
        """Predict with the law."""
        return LawSolver(self._open(state))

    def epilogue(self, initial: State, final: State) -> Mapping[str, Any]:
        """Refit the final form to all rows, a version of its own without a score, and publish."""
        table, law, folder = self._terms[0], self._open(final), self.store.folder.parent
        evidence = Evidence(self.problem, law, read_tried(folder))
        refitted = fit_law(parse_form(law.form), table, evidence.numbers)
        publish(folder, refitted, evidence, table)
        return {"version": hash_data(to_data(refitted)), "evidence": dict(evidence.numbers)}

    def _firsts(self) -> list[str]:
        """The plain power law, then what is known of the task, unless that is left out."""
        task = self.problem.table.task
        return seeds_of(task) if self.config.seeds == "all" else [plain_law(task).text]

    def _teller(self, context: Context) -> Any:
        def told(tally: Tally, archive: Archive) -> None:
            if tally.evaluations % 20 == 0 and archive.alive():
                best = archive.best
                context.progress(
                    "search", tally.evaluations, self.config.budget, r2=best.measures["r2"]
                )

        return told

    def _depends(self, predict: Callable[[Table], Array], seed: Seed) -> bool:
        """Say whether a row's prediction depends on the rows it is asked with."""
        table = self.problem.table
        return depends_on_batch(lambda rows: predict(table.at(rows)), len(table), seed.rng())

    def _tells_apart(self) -> bool:
        """Send a fair law and three that must fail through the evaluator."""
        task = self.problem.table.task
        many = " ".join(f"(~ (pow {next(iter(task.variables))} {k}))" for k in range(task.cap + 1))
        bad = {
            "import os": "not_a_law",
            "(law id mse 0 own (~ nobody))": "not_a_law",
            f"(law id mse 0 own {many})": "over_cap",
        }
        self_test(self.problem.assess, {}, bad)
        first = self.problem.assess("(law id mse 0 own (~ 1))")
        fair = self.problem.assess(seeds_of(task)[-1])
        return fair.score > first.score

    def _writes(self, seed: Seed) -> bool:
        if self.config.proposer == "endpoint":
            # Asking costs: a planted reply goes through the reader instead.
            law = plain_law(self.problem.table.task).text
            return extract_program(f"Here it is:\n```\n{law}\n```") == law
        drawn = {self.search.proposer.fresh(seed.child("fresh", n)).program for n in range(8)}
        return len(drawn) > 1 and all(parse_form(text).text == text for text in drawn)

    def _close(self, law: Law) -> Any:
        return self.store.write("program", "law.json", canonical_json(to_data(law)))

    def _open(self, state: State) -> Law:
        return from_data(Law, json.loads(self.store.read(state["program"], "law.json")))


def _centre(part: Table) -> Array:
    """Predict as no law may: by the mean of the rows asked for."""
    first = next(iter(part.inputs.values()))
    return (first - float(first.mean()))[:, None]


build = ScalingLaws
