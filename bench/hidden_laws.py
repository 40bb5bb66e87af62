"""What a search recovers of twelve hidden laws: simulated tables, with noise.

    python -m bench.hidden_laws [--budget 1000] [--seeds 20] [--more 3] [--jobs N] [--out DIR]

At 1% noise each law is searched with ``--seeds`` tables, at the other noises with ``--more``;
``--first`` is the first seed. What is done is kept in ``--out``, and the same command goes on with
what is missing. For each law: how many runs chose the exact form, how many had it in the archive,
and the median NMSE a decade beyond the rows seen.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.pieces import run_pieces
from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.choose import choose
from ratchet.research.scaling_laws.form import parse_form
from ratchet.research.scaling_laws.grammar import Grammar
from ratchet.research.scaling_laws.human import plain_law
from ratchet.research.scaling_laws.problem import Problem, extrapolate
from ratchet.research.scaling_laws.strategy import EVOLVE_LAWS
from ratchet.research.scaling_laws.synthetic import HIDDEN, make_table, recovers
from ratchet.search.archive import Archive
from ratchet.search.evolve import Search
from ratchet.stats import wilson_interval

MAIN = 0.01
"""The noise at which recovery is stated, by the spread of the target."""
NOISES = (0.0, 0.003, 0.03, 0.1)
"""The others."""
WANTED, OF = 0.8, 10
"""Goal: this share of runs for so many laws of the twelve, at the main noise."""


def search(name: str, noise: float, budget: int, number: int) -> dict[str, Any]:
    """Search one table and compare what is chosen with the truth."""
    law, seed = next(law for law in HIDDEN if law.name == name), Seed(number)
    table = make_table(law, noise, seed.child("rows"))
    problem = Problem(table, seed)
    grammar = Grammar(law.task, bool(table.targets.min() > 0), 1)
    engine, archive = Search(grammar, problem.assess, EVOLVE_LAWS), Archive(islands=3)
    planted = engine.plant(archive, [plain_law(law.task).text])
    archive, _ = engine.advance(archive, budget - planted.evaluations, seed.child("search"))
    chosen = problem.read(choose(problem, archive, seed.child("choose"))[0].entry.program)
    entries = list(archive)
    exact = [
        n for n, e in enumerate(entries) if not e.failure and recovers(parse_form(e.program), law)
    ]
    far = make_table(law, 0.0, seed, beyond=True)
    return {
        "chosen": chosen.text,
        "exact": recovers(chosen, law),
        "met": len(exact),
        "first": exact[0] if exact else None,
        "beyond": extrapolate(chosen, table, far).nmse,
    }


def main() -> None:
    """Run what is missing and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--budget", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--more", type=int, default=3)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--laws", nargs="+", default=[law.name for law in HIDDEN])
    parser.add_argument("--out", default="hidden_laws")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    given = parser.parse_args()
    start = given.first
    runs = [(s, MAIN) for s in range(start, start + given.seeds)]
    runs += [(s, noise) for s in range(start, start + given.more) for noise in NOISES]
    pieces = {
        f"{noise}/{name}-{seed}-{given.budget}": (name, noise, given.budget, seed)
        for seed, noise in runs
        for name in given.laws
    }
    known = run_pieces(search, pieces, Path(given.out), given.jobs, given.seconds)
    print(report({name: (*pieces[name][:2], found) for name, found in known.items()}))


def report(found: Mapping[str, tuple[Any, ...]]) -> str:
    """Return the tables for people, as Markdown."""
    lines = [
        f"| law | exact at {MAIN:.0%} noise | 95% interval | met | median NMSE beyond |"
        + "".join(f" exact at {noise:.1%} |" for noise in NOISES),
        "|---" * (5 + len(NOISES)) + "|",
    ]
    reached = 0
    for law in HIDDEN:
        runs = {
            noise: [r for name, level, r in found.values() if (name, level) == (law.name, noise)]
            for noise in (MAIN, *NOISES)
        }
        own = runs[MAIN]
        if not own:
            continue
        exact, met = sum(r["exact"] for r in own), sum(r["met"] > 0 for r in own)
        reached += exact >= WANTED * len(own)
        share = wilson_interval(exact, len(own))
        beyond = float(np.median([r["beyond"] for r in own]))
        others = (f"{sum(r['exact'] for r in runs[n])}/{len(runs[n])}" for n in NOISES)
        lines.append(
            f"| {law.name} | {exact}/{len(own)} | {share.low:.2f} to {share.high:.2f} | "
            f"{met}/{len(own)} | {beyond:.1e} | " + " | ".join(others) + " |"
        )
    goal = f"{reached} of {len(HIDDEN)} laws were recovered in at least {WANTED:.0%} of runs"
    return "\n".join([*lines, "", f"{goal}; the goal is {OF}."])


if __name__ == "__main__":
    main()
