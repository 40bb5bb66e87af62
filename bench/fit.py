"""How fast the fit engine is: candidate fits a second on a table of 42 groups, against curve_fit.

    python -m bench.fit [--data DIR]

A candidate fit is one form fitted to all groups, linear and nonlinear constants, all starts. The
peer is ``scipy.optimize.curve_fit``, group by group, one start, on the human law. Seconds are of
processor time, so that a busy machine disturbs little; ratios are of one run on one core, and two
processes side by side give the figure for two cores.
"""

from __future__ import annotations

import argparse
import time
import warnings
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.optimize import curve_fit

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.fit import fit
from ratchet.research.scaling_laws.form import Form, parse_form
from ratchet.research.scaling_laws.grammar import Grammar
from ratchet.research.scaling_laws.human import HUMAN
from ratchet.research.scaling_laws.table import Table, find_task, read_table

FORMS = 60
"""Candidate forms, as the grammar writes them."""


def simulate(groups: int = 42) -> Table:
    """Make a table like that of fine-tuning: rectified laws of twelve sizes each."""
    rng = Seed(1).rng()
    d = np.tile(200.0 * 2.0 ** np.arange(12) / 1e4, groups)
    low, drop, scale, power = (
        np.repeat(rng.uniform(a, b, groups), 12)
        for a, b in ((0.5, 2), (0.5, 2), (0.1, 1), (0.3, 0.8))
    )
    y = low + drop / (scale + d**power) + 0.005 * rng.normal(size=len(d))
    names = tuple(f"group {i}" for i in range(groups) for _ in range(12))
    return Table(find_task("sft"), names, {"d": d}, y[:, None])


def forms() -> list[Form]:
    """Return forms as the grammar writes them."""
    grammar = Grammar(find_task("sft"), True, 42)
    drawn = [grammar.fresh(Seed(1).child(n)).program for n in range(FORMS)]
    return [parse_form(text) for text in drawn]


def rate(table: Table, candidates: list[Form]) -> float:
    """Return fits a second."""
    rows = table.rows
    fit(candidates[0], rows)
    start = time.process_time()
    for form in candidates:
        fit(form, rows)
    return len(candidates) / (time.process_time() - start)


def peer(table: Table) -> tuple[float, float]:
    """Return curve_fit's seconds for all groups, and its mean squared error."""

    def law(d: np.ndarray, low: float, drop: float, scale: float, power: float) -> np.ndarray:
        return np.asarray(low + drop / (scale + np.abs(d) ** power))

    rows, errors = table.rows, []
    start = time.process_time()
    for g in range(len(table.cells)):
        x, y = rows.inputs["d"][g], rows.target[g]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                best, _ = curve_fit(law, x, y, p0=(1.0, 1.0, 1.0, 0.5))
            errors.append(float(np.mean((y - law(x, *best)) ** 2)))
        except RuntimeError:
            errors.append(float(np.var(y)))
    return time.process_time() - start, float(np.mean(errors))


def _work(path: str) -> float:
    table = read_table(Path(path), find_task("sft")) if path else simulate()
    return rate(table, forms())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="", help="sft.csv, a simulated table if left out")
    path = parser.parse_args().data
    table = read_table(Path(path), find_task("sft")) if path else simulate()
    one = _work(path)
    with get_context("spawn").Pool(2) as pool:
        two = sum(pool.map(_work, [path, path]))
    start = time.process_time()
    ours = fit(HUMAN["sft"], table.rows)
    seconds = time.process_time() - start
    theirs, error = peer(table)
    print(f"candidate fits a second, one core: {one:.0f}; two cores: {two:.0f}")
    print(f"human law, all groups: {seconds * 1e3:.1f} ms, curve_fit {theirs * 1e3:.1f} ms")
    print(
        f"  ratio {theirs / seconds:.1f}, mean squared error ratio {ours.cost.mean() / error:.3f}"
    )


if __name__ == "__main__":
    main()
