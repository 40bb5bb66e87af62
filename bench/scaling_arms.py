"""Arms of the scaling-law search on equal budgets, judged on rows that no arm was chosen on.

    python -m bench.scaling_arms --data DIR [--out DIR] [--jobs N] [--seconds S] [--page FILE]

The rows furthest out of each table (fold 0 of the inner hold-outs) are taken away before anything
is searched; every arm searches and fits on the rest, and its R2 on what was taken away is reported.
Arms and claims stand in `bench.scaling_claims`. What is done is kept in ``--out``, and the same
command goes on with what is missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.bfgs import fit_plain
from bench.pieces import run_pieces
from bench.scaling_claims import ARMS, BUDGET, SEEDS, Arm
from bench.scaling_page import render
from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.choose import choose
from ratchet.research.scaling_laws.form import Form
from ratchet.research.scaling_laws.grammar import Grammar
from ratchet.research.scaling_laws.holdout import make_folds
from ratchet.research.scaling_laws.human import HUMAN, plain_law, seeds_of
from ratchet.research.scaling_laws.problem import Fit, Problem, score
from ratchet.research.scaling_laws.stack import fit_all
from ratchet.research.scaling_laws.strategy import EVOLVE_LAWS
from ratchet.research.scaling_laws.table import Table, find_tables, find_task, read_table
from ratchet.research.scaling_laws.tasks import TASKS
from ratchet.search.archive import Archive
from ratchet.search.evolve import BEST_OF_N, Search


def run_arm(path: str, label: str, budget: int, number: int) -> dict[str, Any]:
    """Return an arm's R2 on its own rows and beyond them."""
    arm, seed = ARMS[label], Seed(number)
    table = read_table(Path(path), find_task(Path(path).stem))
    fold = make_folds(table, seed)[0]
    train, beyond = table.at(fold.train), table.at(fold.held)
    fit: Fit = fit_plain if arm.routine == "bfgs" else fit_all
    form, spent = _find(arm, fit, train, budget, seed)
    (constants,) = fit(form, [train.rows])
    inside, outside = (score(form, constants, train, part) for part in (train, beyond))
    return {
        "law": form.text,
        "fit": inside.r2,
        "r2": outside.r2,
        "group_r2": outside.group_r2 if outside.group_r2 == outside.group_r2 else None,
        "gap": inside.r2 - outside.r2,
        "constants": form.count,
        "evaluations": spent,
    }


def _find(arm: Arm, fit: Fit, train: Table, budget: int, seed: Seed) -> tuple[Form, int]:
    """Return the arm's form, and how many programs it evaluated."""
    task = train.task
    if not arm.search:
        return (HUMAN[task.name] if arm.firsts == "human" else plain_law(task)), 0
    selection = "holdout" if arm.holdout else "sample"
    problem = Problem(train, seed, selection, arm.routine != "evolved", fit)
    grammar = Grammar(task, bool(train.targets.min() > 0), len(train.cells))
    strategy = BEST_OF_N if arm.search == "random" else EVOLVE_LAWS
    search, archive = Search(grammar, problem.assess, strategy), Archive(islands=3)
    firsts = seeds_of(task)
    count = {"plain": 1, "human": 2, "all": len(firsts)}[arm.firsts]
    planted = search.plant(archive, firsts[:count])
    archive, _ = search.advance(archive, budget - planted.evaluations, seed.child("search"))
    if not archive.alive():
        return plain_law(task), len(archive)
    best = choose(problem, archive, seed.child("choose"), firsts[1:count])[0].entry
    return problem.read(best.program), len(archive)


def list_pieces(
    tables: dict[str, Path], seeds: Sequence[int], budget: int
) -> dict[str, tuple[str, str, int, int]]:
    """Return all runs, seed by seed."""
    return {
        f"{name}-{label}-{seed}-{budget}": (str(tables[name]), label, budget, seed)
        for seed in seeds
        for name in tables
        for label in ARMS
    }


def main() -> None:
    """Run what is missing, then print the page, or write it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--budget", type=int, default=BUDGET)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--out", default="scaling_arms")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--page", type=Path, help="where the page of claims is written")
    given = parser.parse_args()
    tables = {n: p for n, p in find_tables(Path(given.data)).items() if n in given.tasks}
    pieces = list_pieces(tables, given.seeds, given.budget)
    known = run_pieces(run_arm, pieces, Path(given.out), given.jobs, given.seconds)
    page = render(known, list(tables), given.seeds, given.budget)
    if given.page:
        given.page.write_text(page, encoding="utf-8")
    else:
        print(page)


if __name__ == "__main__":
    main()
