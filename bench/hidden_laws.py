"""What a search recovers of twelve hidden laws: simulated tables, with noise.

    python -m bench.hidden_laws [--budget 300] [--seeds 1 2 3] [--noise 0.01] [--laws NAME ...]

For each law: how many runs chose the exact form, how many had it in the archive, and the mean NMSE
a decade beyond the rows seen.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.choose import choose
from ratchet.research.scaling_laws.form import Form
from ratchet.research.scaling_laws.grammar import Grammar
from ratchet.research.scaling_laws.human import plain_law
from ratchet.research.scaling_laws.problem import Problem, extrapolate
from ratchet.research.scaling_laws.synthetic import HIDDEN, HiddenLaw, make_table, recovers
from ratchet.search.archive import Archive
from ratchet.search.evolve import EVOLVE, Search


@dataclass(frozen=True)
class Outcome:
    """One run."""

    chosen: Form
    """The form that was taken."""
    exact: bool
    """Whether it is the truth."""
    met: int
    """Forms of the archive that are the truth."""
    beyond: float
    """NMSE of the choice a decade beyond, against the noise-free law."""


def search(law: HiddenLaw, noise: float, budget: int, seed: Seed) -> Outcome:
    """Search one table and compare what is chosen with the truth."""
    table = make_table(law, noise, seed.child("rows"))
    problem = Problem(table, seed)
    engine = Search(Grammar(law.task, bool(table.targets.min() > 0), 1), problem.assess, EVOLVE)
    archive = Archive(islands=3)
    planted = engine.plant(archive, [plain_law(law.task).text])
    archive, _ = engine.advance(archive, budget - planted.evaluations, seed.child("search"))
    chosen = problem.read(choose(problem, archive, seed.child("choose"))[0].entry.program)
    met = sum(recovers(problem.read(entry.program), law) for entry in archive.alive())
    far = make_table(law, 0.0, seed, beyond=True)
    return Outcome(chosen, recovers(chosen, law), met, extrapolate(chosen, table, far).nmse)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--budget", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--noise", type=float, default=0.01)
    parser.add_argument("--laws", nargs="+", default=[law.name for law in HIDDEN])
    given = parser.parse_args()
    for law in (law for law in HIDDEN if law.name in given.laws):
        start = time.perf_counter()
        runs = [search(law, given.noise, given.budget, Seed(s)) for s in given.seeds]
        exact, met = sum(r.exact for r in runs), sum(r.met > 0 for r in runs)
        error, seconds = np.mean([r.beyond for r in runs]), time.perf_counter() - start
        print(
            f"{law.name}: exact {exact}/{len(runs)}, met {met}/{len(runs)}, "
            f"NMSE beyond {error:.2e}, {seconds:.0f} s",
            flush=True,
        )
        for run in runs:
            if not run.exact:
                print(f"  {run.chosen.text}", flush=True)


if __name__ == "__main__":
    main()
