"""How the law that is chosen extrapolates, by budget, with and without the known laws' privilege.

    python -m bench.scaling_choice --data DIR [--seeds 2 3] [--budgets 120 600] [--out DIR]

Of each table the largest scale is sealed, and in other runs the two largest (of mixtures one fold,
and another); the search sees the rest. R2 on what is sealed, floored at -1: of the law that is
chosen, of the one that would be chosen if known laws had no privilege, of the best known law by
hold-outs, of the human law refitted, and of the best that the choice could have taken, which nobody
can know. The rule of choice was made with seed 1 of these tables at hand.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.pieces import run_pieces
from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.choose import choose
from ratchet.research.scaling_laws.grammar import Grammar
from ratchet.research.scaling_laws.holdout import make_folds
from ratchet.research.scaling_laws.human import HUMAN, seeds_of
from ratchet.research.scaling_laws.problem import Problem, extrapolate
from ratchet.research.scaling_laws.strategy import EVOLVE_LAWS
from ratchet.research.scaling_laws.table import Table, find_tables, find_task, read_table
from ratchet.search.archive import Archive
from ratchet.search.evolve import Search

DEPTHS = (1, 2)
"""Scales that are sealed."""
COLUMNS = ("chosen", "no privilege", "known", "human", "best possible")


def seal(table: Table, depth: int, seed: Seed) -> tuple[Table, Table] | None:
    """Return the rows to search with and those beyond; None if so many cannot be sealed."""
    folds = make_folds(table, seed)
    if len(folds) < depth:
        return None
    sealed = folds[:depth] if table.task.beyond else folds[depth - 1 : depth]
    return table.at(folds[depth - 1].train), table.at(np.concatenate([f.held for f in sealed]))


def run_split(path: str, depth: int, budgets: Sequence[int], number: int) -> dict[str, Any]:
    """Search once and choose after each budget."""
    seed, task = Seed(number), find_task(Path(path).stem)
    parts = seal(read_table(Path(path), task), depth, seed)
    if parts is None:
        return {}
    train, beyond = parts
    problem = Problem(train, seed)
    grammar = Grammar(task, bool(train.targets.min() > 0), len(train.cells))
    search, archive = Search(grammar, problem.assess, EVOLVE_LAWS), Archive(islands=3)
    firsts = seeds_of(task)
    search.plant(archive, firsts)

    def r2(program: str) -> float:
        return extrapolate(problem.read(program), train, beyond).r2

    known = [e for e in archive.alive() if e.program in firsts[1:]] or archive.alive()
    human = extrapolate(HUMAN[task.name], train, beyond).r2
    found = {}
    for budget in budgets:
        archive, _ = search.advance(archive, budget - len(archive), seed.child("search"))
        free = choose(problem, archive, seed.child("choose"))
        chosen = choose(problem, archive, seed.child("choose"), firsts[1:])[0].entry.program
        found[str(budget)] = {
            "law": chosen,
            "chosen": r2(chosen),
            "no privilege": r2(free[0].entry.program),
            "known": r2(known[0].program),
            "human": human,
            "best possible": max(r2(choice.entry.program) for choice in free),
        }
    return found


def main() -> None:
    """Run what is missing and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--tasks", nargs="+", default=[])
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--budgets", type=int, nargs="+", default=[120, 600])
    parser.add_argument("--out", default="scaling_choice")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    given = parser.parse_args()
    tables = find_tables(Path(given.data))
    names = given.tasks or [name for name in tables if name != "lr_bsz_variant"]
    pieces = {
        f"{name}-{depth}-{seed}": (str(tables[name]), depth, given.budgets, seed)
        for seed in given.seeds
        for depth in DEPTHS
        for name in names
    }
    known = run_pieces(run_split, pieces, Path(given.out), given.jobs, given.seconds)
    for budget in map(str, given.budgets):
        print(f"\n| {budget} evaluations | " + " | ".join(COLUMNS) + " |")
        print("|---" * (len(COLUMNS) + 1) + "|")
        rows = []
        for name in names:
            for depth in DEPTHS:
                found = (known.get(f"{name}-{depth}-{seed}", {}) for seed in given.seeds)
                runs = [run for run in found if budget in run]
                if runs:
                    rows.append([np.mean([run[budget][c] for run in runs]) for c in COLUMNS])
                    cells = " | ".join(f"{x:.3f}" for x in rows[-1])
                    print(f"| {name}, {depth} sealed | {cells} |")
        print("| mean | " + " | ".join(f"**{x:.3f}**" for x in np.mean(rows, axis=0)) + " |")


if __name__ == "__main__":
    main()
