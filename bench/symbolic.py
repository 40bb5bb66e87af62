"""The search for laws against general symbolic regression, at equal time on one core.

    python -m bench.symbolic [--seconds 2] [--seeds 1] [--peers .bench/bin/python]

Twelve hidden laws with 1% noise (simulated). Peers are gplearn and pyoperon, with the same rows and
variables; they choose by their own criteria. Reported is the NMSE a decade beyond the rows seen,
against the noise-free law; it is cut at 1, which is what the mean of these rows would have.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.choose import choose
from ratchet.research.scaling_laws.grammar import Grammar
from ratchet.research.scaling_laws.human import plain_law
from ratchet.research.scaling_laws.problem import Problem, extrapolate
from ratchet.research.scaling_laws.strategy import EVOLVE_LAWS
from ratchet.research.scaling_laws.synthetic import HIDDEN, HiddenLaw, make_table
from ratchet.research.scaling_laws.table import Table
from ratchet.search.archive import Archive
from ratchet.search.evolve import Search

PEERS = ("gplearn", "pyoperon")
NOISE, GOOD = 0.01, 1e-3
SIDE = Path(__file__).parent / "sides" / "symbolic.py"
_SEARCHING = 0.7
"""Share of our time that goes to the search; the rest is for the choice."""


def ours(law: HiddenLaw, table: Table, far: Table, seconds: float, seed: Seed) -> tuple[float, ...]:
    """Return the NMSE beyond and the seconds it took."""
    start = time.perf_counter()
    problem = Problem(table, seed)
    search = Search(
        Grammar(law.task, bool(table.targets.min() > 0), 1), problem.assess, EVOLVE_LAWS
    )
    archive = Archive(islands=3)
    search.plant(archive, [plain_law(law.task).text])
    archive, _ = search.advance(archive, 10**6, seed.child("search"), _SEARCHING * seconds)
    form = problem.read(choose(problem, archive, seed.child("choose"))[0].entry.program)
    spent = time.perf_counter() - start
    return min(1.0, extrapolate(form, table, far).nmse), spent


def theirs(
    python: str, peer: str, table: Table, far: Table, seconds: float, seed: int
) -> tuple[float, ...]:
    """Return the same of a peer."""
    names = list(table.inputs)
    given = {
        "x": np.stack([table.inputs[n] for n in names], axis=1).tolist(),
        "y": table.targets[:, 0].tolist(),
        "far": np.stack([far.inputs[n] for n in names], axis=1).tolist(),
    }
    words = [python, str(SIDE), peer, str(seconds), str(seed)]
    done = subprocess.run(
        words,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    found = json.loads(done.stdout.splitlines()[-1])
    y = far.targets[:, 0]
    nmse = float(np.mean((np.array(found["predicted"]) - y) ** 2) / y.var())
    return min(1.0, nmse), float(found["seconds"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--laws", nargs="+", default=[law.name for law in HIDDEN])
    parser.add_argument("--peers", default=".bench/bin/python")
    given = parser.parse_args()
    sides = ("ours", *PEERS)
    every: dict[str, list[tuple[float, ...]]] = {side: [] for side in sides}
    print("| law | " + " | ".join(sides) + " |\n" + "|---" * (len(sides) + 1) + "|")
    for law in (law for law in HIDDEN if law.name in given.laws):
        for number in range(1, given.seeds + 1):
            seed = Seed(number)
            table = make_table(law, NOISE, seed.child("rows"))
            far = make_table(law, 0.0, seed, beyond=True)
            row = [ours(law, table, far, given.seconds, seed)]
            row += [theirs(given.peers, p, table, far, given.seconds, number) for p in PEERS]
            for side, found in zip(sides, row, strict=True):
                every[side].append(found)
            cells = " | ".join(f"{nmse:.1e} in {s:.1f} s" for nmse, s in row)
            print(f"| {law.name} | {cells} |", flush=True)
    for side, runs in every.items():
        errors = np.array([nmse for nmse, _ in runs])
        told = f"{(errors < GOOD).sum()} of {len(errors)} below {GOOD:g}"
        print(f"{side}: median NMSE beyond {np.median(errors):.1e}, {told}")


if __name__ == "__main__":
    main()
