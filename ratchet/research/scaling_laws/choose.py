"""Choosing among good forms: nested hold-outs with rows left out, then the consensus beyond.

Laws that predict the held-out scales about equally well may part beyond them. Of those, the one is
taken whose predictions for the next scale lie nearest to the median of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.expression import Array
from ratchet.research.scaling_laws.fit import fit, predict
from ratchet.research.scaling_laws.form import Form
from ratchet.research.scaling_laws.problem import WORST, Problem, extrapolate
from ratchet.search.archive import Archive, Entry

CANDIDATES, BAGS = 12, 4
"""Best entries that are compared, and times that each fold is repeated with rows left out."""
LEFT_OUT = 0.2
"""Share of a fold's rows that a repetition leaves out."""
NEAR = 1.15
"""How many times the least error counts as equally good."""


@dataclass(frozen=True)
class Choice:
    """One of the candidates, measured again."""

    entry: Entry
    """The program."""
    nmse: float
    """Mean over folds and repetitions, by the folds' weights."""
    distance: float
    """From the consensus beyond the rows seen, in standard deviations of the target; infinite for
    one that is not among the near-best."""


def choose(problem: Problem, archive: Archive, seed: Seed) -> list[Choice]:
    """Return the best entries, the one to be taken first. Raises ValueError if all have failed."""
    entries = _candidates(archive)
    if not entries:
        raise ValueError("every program of the archive has failed")
    if problem.selection == "sample":
        return [Choice(e, e.measures["nmse"], 0.0) for e in entries]
    errors = np.array([_bagged(problem, problem.read(e.program), seed) for e in entries])
    near = errors <= errors.min() * NEAR + 1e-4
    beyond = [
        _beyond(problem, problem.read(e.program)) if ok else None
        for e, ok in zip(entries, near, strict=True)
    ]
    known = np.stack([b for b in beyond if b is not None])
    middle = np.median(known, axis=0)
    spread = float(problem.table.targets.std()) or 1.0
    distances = [
        float("inf") if b is None else float(np.sqrt(np.mean((b - middle) ** 2))) / spread
        for b in beyond
    ]
    found = [
        Choice(e, float(error), d) for e, error, d in zip(entries, errors, distances, strict=True)
    ]
    return sorted(found, key=lambda c: (c.distance, c.nmse))


def _candidates(archive: Archive) -> list[Entry]:
    """Return the best entries, at most two of which differ in their fitting routine alone."""
    found: list[Entry] = []
    count: dict[tuple[str, ...], int] = {}
    for entry in archive.alive():
        parts = entry.program.split(None, 5)
        form = (parts[1], parts[5])
        count[form] = count.get(form, 0) + 1
        if count[form] <= 2:
            found.append(entry)
        if len(found) == CANDIDATES:
            break
    return found


def _bagged(problem: Problem, form: Form, seed: Seed) -> float:
    total = 0.0
    for number, (train, held, weight) in enumerate(problem.splits):
        errors = [min(extrapolate(form, train, held).nmse, WORST)]
        for bag in range(BAGS):
            rng = seed.child("bag", number, bag).rng()
            kept = rng.random(len(train)) >= LEFT_OUT
            if set(np.array(train.groups)[kept]) == set(train.groups):
                part = train.at(np.flatnonzero(kept))
                errors.append(min(extrapolate(form, part, held).nmse, WORST))
        total += weight * float(np.mean(errors))
    return total


def _beyond(problem: Problem, form: Form) -> Array:
    """Return a law's predictions one step beyond the rows seen, by cell."""
    table = problem.table
    rows, task = table.rows, table.task
    constants = fit(form, rows)
    inputs = dict(rows.inputs)
    for name in task.beyond:
        values = np.unique(table.inputs[name])
        if task.variables[name].kind == "level":
            inputs[name] = inputs[name] + 0.5
        elif len(values) > 1:
            inputs[name] = inputs[name] * values[-1] / values[-2]
    far = rows.weight > 0
    if task.beyond:
        far &= rows.position >= np.quantile(rows.position[far], 0.8)
    return predict(form, constants, inputs)[far]
