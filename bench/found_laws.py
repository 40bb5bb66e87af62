"""What runs of the recipe found: hold-outs by task and seed, and how far the laws agree beyond.

    ratchet run scaling_laws --data DIR --seed 1 --out RUN1        # and so on, a seed each
    python -m bench.found_laws --data DIR RUN1 RUN2 RUN3

Every row that is read here is a train row. R2 by inner hold-out is what the search chose by, so it
flatters what was found; beside it stands the human law, by the same folds. Sealed are the rows that
neither search nor choice has seen, and of which the gate has seen a part: R2 of the form, fitted to
the others. Agreement is the largest difference between two seeds' predictions one scale beyond all
rows, root mean square, in standard deviations of the target: nobody has measured there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from ratchet.guard.charter import Charter
from ratchet.research.scaling_laws.fit import fit
from ratchet.research.scaling_laws.form import Form
from ratchet.research.scaling_laws.holdout import next_scale
from ratchet.research.scaling_laws.human import HUMAN
from ratchet.research.scaling_laws.law import FILE, Law, read_law
from ratchet.research.scaling_laws.problem import score
from ratchet.research.scaling_laws.table import Table, find_tables, find_task, read_table

COLUMNS = ("task", "R2 by hold-out", "human law", "R2 on sealed rows", "human law", "agreement")


def sealed_r2(form: Form, table: Table, run: Path, task: str) -> float:
    """Return R2 on the rows that the charter of a run seals, by the form fitted to the others."""
    terms = Charter.read(run / f"{task}.charter.toml").table
    assert terms is not None
    sealed = sorted((*terms.gate, *terms.audit, *terms.final))
    kept = np.setdiff1d(np.arange(len(table)), sealed)
    train, held = table.at(kept), table.at(sealed)
    return score(form, fit(form, train.rows), train, held).r2


def agreement(laws: Sequence[Law], table: Table) -> float:
    """Return the largest root mean square difference of two laws at the next scale."""
    far = next_scale(table)
    found = [law.predict(far) / table.targets.std(axis=0) for law in laws]
    pairs = (float(np.sqrt(np.mean((a - b) ** 2))) for a, b in combinations(found, 2))
    return max(pairs, default=0.0)


def main() -> None:
    """Read the runs and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("runs", type=Path, nargs="+")
    given = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    forms = []
    for task, path in find_tables(given.data).items():
        table = read_table(path, find_task(task))
        runs = [run for run in given.runs if (run / task / FILE).is_file()]
        laws = [read_law(run / task / FILE) for run in runs]
        documents = [json.loads((run / task / FILE).read_text()) for run in runs]
        told = [document["law"]["evidence"] for document in documents]
        cells = [
            [evidence["r2"] for evidence in told],
            [evidence["human_r2"] for evidence in told],
            [sealed_r2(law.parsed, table, run, task) for law, run in zip(laws, runs, strict=True)],
            [sealed_r2(HUMAN[task], table, run, task) for run in runs],
        ]
        numbers = [" ".join(f"{x:.3f}" for x in cell) for cell in cells]
        print(f"| {task} | " + " | ".join(numbers) + f" | {agreement(laws, table):.3f} |")
        forms += [f"- {task}: `{document['algebra']}`" for document in documents]
    print("\n" + "\n".join(dict.fromkeys(forms)))


if __name__ == "__main__":
    main()
