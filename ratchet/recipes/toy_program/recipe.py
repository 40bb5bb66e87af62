"""A program that rewrites itself: random mutation of an expression tree, measured row by row.

Toy: the state is one program for y = f(x). Each generation tries mutants on open rows and keeps the
best. No model and no gradient, on the same loop, evaluator and gate as every other recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.core.records import Evaluation
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.core.state import Candidate, State
from ratchet.loop.config import RunConfig
from ratchet.loop.recipe import Context, Mechanism, Recipe
from ratchet.loop.versions import Store
from ratchet.recipes.toy_program.tree import Program, mutate, parse_tree, score_tree
from ratchet.worlds.functions import Functions


class Config(RunConfig):
    """Settings of the toy."""

    rows: int = 64
    """Open rows that a mutant is tried on."""
    mutants: int = 400
    """Mutants tried in a generation."""


@dataclass
class ToyProgram(Recipe):
    """See the module."""

    config: Config
    store: Store

    def initial(self, seed: Seed) -> State:
        """Start from the program ``x``."""
        return State({"program": self.store.write("program", "program.txt", "x")})

    def mechanisms(self, state: State, seed: Seed) -> Sequence[Mechanism]:
        """Mutation must change a program, selection must find the better of two."""
        rng, near, far = seed.rng(), parse_tree("x"), parse_tree("1000")
        rows = Functions().rows(rng, 16)
        return [
            Mechanism("mutation", lambda: any(mutate(near, rng) != near for _ in range(16))),
            Mechanism("selection", lambda: score_tree(near, rows) > score_tree(far, rows)),
        ]

    def improve(self, state: State, context: Context) -> Candidate:
        """Try mutants of mutants on fresh open rows and keep the best of all."""
        rng = context.seed.child("mutate").rng()
        rows = Functions().rows(context.seed.child("rows").rng(), self.config.rows)
        tried = [parse_tree(self.store.read(state["program"], "program.txt"))]
        scores = [score_tree(tried[0], rows)]
        for _ in range(self.config.mutants):
            parent = max(rng.integers(len(tried), size=8), key=lambda i: scores[i])
            tried.append(mutate(tried[parent], rng))
            scores.append(score_tree(tried[-1], rows))
        context.observe("mutation", len({str(tree) for tree in tried}) > 1)
        context.observe("selection", len(set(scores)) > 1)
        best = str(tried[int(np.argmax(scores))])
        records = tuple(Evaluation(str(t), s) for t, s in zip(tried, scores, strict=True))
        return Candidate(
            state.replace(program=self.store.write("program", "program.txt", best)), records
        )

    def solver(self, state: State) -> Solver:
        """Run the program."""
        return Program(parse_tree(self.store.read(state["program"], "program.txt")))


build = ToyProgram
