"""Arms of the scaling-law search on equal budgets, judged on rows that no arm was chosen on.

    python -m bench.scaling_arms --data DIR [--budget 120] [--seeds 1 2 3] [--out FILE]

The rows furthest out of each table (fold 0 of the inner hold-outs) are taken away before anything
is searched; every arm searches and fits on the rest, and its R2 on what was taken away is reported.
Claims are fixed below, before the first run. Results are kept by arm, so a run can go on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.choose import choose
from ratchet.research.scaling_laws.form import Form
from ratchet.research.scaling_laws.grammar import Grammar
from ratchet.research.scaling_laws.holdout import make_folds
from ratchet.research.scaling_laws.human import HUMAN, plain_law, seeds_of
from ratchet.research.scaling_laws.problem import Problem, extrapolate
from ratchet.research.scaling_laws.table import Table, find_tables, find_task, read_table
from ratchet.search.archive import Archive
from ratchet.search.evolve import BEST_OF_N, EVOLVE, Search
from ratchet.stats import hierarchical_bootstrap


@dataclass(frozen=True)
class Arm:
    """One way of finding a law."""

    search: bool = True
    """Whether it searches at all."""
    random: bool = False
    """Independent draws instead of evolution."""
    plain: bool = True
    """Fixed fitting routine."""
    holdout: bool = False
    """Scored by inner extrapolation rather than by the fit to the rows."""
    human: bool = False
    """Human laws and variants among the first programs."""


ARMS: Mapping[str, Arm] = {
    "seed": Arm(search=False),
    "human": Arm(search=False, human=True),
    "random": Arm(random=True),
    "form": Arm(),
    "both": Arm(plain=False),
    "both_holdout": Arm(plain=False, holdout=True),
    "full": Arm(plain=False, holdout=True, human=True),
}
"""``full`` is what the recipe does; the others are given no human law."""
CLAIMS = (
    ("form_only_beats_random", "form", "random", "r2"),
    ("both_beats_form_only", "both", "form", "r2"),
    ("holdout_selection_beats_fit", "both_holdout", "both", "r2"),
    ("holdout_selection_narrows_gap", "both_holdout", "both", "gap"),
    ("refit_human_laws_beat_seed", "human", "seed", "r2"),
    ("full_beats_human", "full", "human", "r2"),
)
"""Name, treatment, control, metric. R2 shall be higher; the gap, that of the fit less that beyond,
lower."""


def run_arm(arm: Arm, train: Table, beyond: Table, budget: int, seed: int) -> dict[str, float]:
    """Return an arm's R2 on its own rows and beyond them."""
    form = _find(arm, train, budget, Seed(seed))
    inside = extrapolate(form, train, train).r2
    outside = extrapolate(form, train, beyond).r2
    return {"fit": inside, "r2": outside, "gap": inside - outside, "constants": float(form.count)}


def _find(arm: Arm, train: Table, budget: int, seed: Seed) -> Form:
    task = train.task
    if not arm.search:
        return HUMAN[task.name] if arm.human else plain_law(task)
    problem = Problem(train, seed, "holdout" if arm.holdout else "sample", arm.plain)
    grammar = Grammar(task, bool(train.targets.min() > 0), len(train.cells))
    search = Search(grammar, problem.assess, BEST_OF_N if arm.random else EVOLVE)
    archive = Archive(islands=3)
    firsts = seeds_of(task) if arm.human else [plain_law(task).text]
    planted = search.plant(archive, firsts)
    archive, _ = search.advance(archive, budget - planted.evaluations, seed.child("search"))
    if not archive.alive():
        return plain_law(task)
    return problem.read(choose(problem, archive, seed.child("choose"))[0].entry.program)


def main() -> None:
    """Run what is missing, then print the table and the claims."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--budget", type=int, default=120)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", default="scaling_arms.json")
    given = parser.parse_args()
    out = Path(given.out)
    known: dict[str, dict[str, float]] = json.loads(out.read_text()) if out.exists() else {}
    tables = find_tables(Path(given.data))
    for seed in given.seeds:
        for name, path in tables.items():
            table = read_table(path, find_task(name))
            fold = make_folds(table, Seed(seed))[0]
            train, beyond = table.at(fold.train), table.at(fold.held)
            for label, arm in ARMS.items():
                key = f"{name}/{seed}/{label}/{given.budget}"
                if key not in known:
                    known[key] = run_arm(arm, train, beyond, given.budget, seed)
                    out.write_text(json.dumps(known, indent=1))
    _print(known, list(tables), given.seeds, given.budget)


def _print(
    known: Mapping[str, Mapping[str, float]], tasks: list[str], seeds: list[int], budget: int
) -> None:
    print("| task | " + " | ".join(ARMS) + " |\n" + "|---" * (len(ARMS) + 1) + "|")
    for task in tasks:
        means = [
            np.mean([known[f"{task}/{s}/{label}/{budget}"]["r2"] for s in seeds]) for label in ARMS
        ]
        print(f"| {task} | " + " | ".join(f"{m:.3f}" for m in means) + " |")
    for name, treatment, control, metric in CLAIMS:
        differences = np.array(
            [
                [
                    known[f"{t}/{s}/{treatment}/{budget}"][metric]
                    - known[f"{t}/{s}/{control}/{budget}"][metric]
                    for t in tasks
                ]
                for s in seeds
            ]
        )
        rng = Seed(1).child(name).rng()
        told = hierarchical_bootstrap(
            differences, shared_problems=True, rng=rng, bounds=(-4.0, 4.0)
        )
        wanted = told.high < 0 if metric == "gap" else told.low > 0
        against = told.low > 0 if metric == "gap" else told.high < 0
        verdict = "holds" if wanted else "fails" if against else "inconclusive"
        print(f"{name}: {told.mean:+.3f} [{told.low:+.3f}, {told.high:+.3f}] {verdict}")


if __name__ == "__main__":
    main()
