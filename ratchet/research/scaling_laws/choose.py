"""Choosing among good forms: nested hold-outs with rows left out, description length, consensus.

Of the laws that predict the held-out rows as well as the best one, within a standard error of the
paired difference, those are kept that describe all rows in as few nats as any. Of these, the one is
taken whose predictions for the next scale lie nearest to the median of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.expression import Array
from ratchet.research.scaling_laws.fit import fit, predict
from ratchet.research.scaling_laws.form import Form, parse_form
from ratchet.research.scaling_laws.problem import Problem, row_errors
from ratchet.search.archive import Archive, Entry

CANDIDATES, BAGS = 12, 4
"""Best entries that are compared, and times that each fold is repeated with rows left out."""
LEFT_OUT = 0.2
"""Share of a fold's rows that a repetition leaves out."""
_MOST = 50.0
"""Most that one row may add, in variances."""
NEAR, ERRORS = 1.02, 3.0
"""What counts as equally good: so many times the least error, or so many standard errors more."""
BARE = 2.0
"""Difference of twice the length that is not worth more than a mention (Kass and Raftery 1995)."""


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
    forms = [problem.read(e.program) for e in entries]
    table = np.array([_bagged(problem, form, seed) for form in forms])
    errors = table.mean(axis=1)
    near = _as_good(table)
    lengths = np.array([e.measures["length"] for e in entries])
    kept = near & (lengths <= lengths[near].min() + BARE)
    beyond = [_beyond(problem, f) if ok else None for f, ok in zip(forms, kept, strict=True)]
    middle = np.median(np.stack([b for b in beyond if b is not None]), axis=0)
    spread = float(problem.table.targets.std()) or 1.0
    distances = [
        float("inf") if b is None else float(np.sqrt(np.mean((b - middle) ** 2))) / spread
        for b in beyond
    ]
    found = [
        Choice(e, float(error), d) for e, error, d in zip(entries, errors, distances, strict=True)
    ]
    return sorted(found, key=lambda c: (c.distance, c.nmse))


def _as_good(table: Array) -> npt.NDArray[np.bool_]:
    """Say which candidates are as good as the best, by weighted errors [candidate, row]."""
    errors = table.mean(axis=1)
    best = int(errors.argmin())
    spread = (table - table[best]).std(axis=1, ddof=1) / np.sqrt(table.shape[1])
    good: npt.NDArray[np.bool_] = errors <= np.maximum(
        errors[best] * NEAR, errors[best] + ERRORS * spread
    )
    return good


def _candidates(archive: Archive) -> list[Entry]:
    """Return the best entries by hold-out, no more than two of one form; the forms that describe
    all rows in the fewest nats; and the best of each number of constants."""
    alive = archive.alive()
    found: list[Entry] = []
    forms = [_structure(entry.program) for entry in alive]
    simple: dict[float, Entry] = {}
    short: dict[tuple[str, ...], Entry] = {}
    for place, entry in enumerate(alive):
        simple.setdefault(entry.measures["constants"], entry)
        if forms[: place + 1].count(forms[place]) <= 2 and len(found) < CANDIDATES:
            found.append(entry)
    order = sorted(range(len(alive)), key=lambda i: alive[i].measures["length"])
    for i in order:
        if alive[i].score > 0.5 * alive[0].score:
            short.setdefault(forms[i], alive[i])
    shortest = list(short.values())[:CANDIDATES]
    return list({e.id: e for e in (*found, *shortest, *simple.values())}.values())


def _structure(program: str) -> tuple[str, ...]:
    """Return what a program is apart from its fitter and the signs of its terms."""
    form = parse_form(program)
    return (form.link, *sorted(term.tree.text for term in form.terms))


def _bagged(problem: Problem, form: Form, seed: Seed) -> Array:
    """Return the error of each held-out row of all folds, the mean over repetitions with rows left
    out, in units in which their mean is the weighted NMSE."""
    folds = []
    for number, (train, held, weight) in enumerate(problem.splits):
        parts = [train]
        for bag in range(BAGS):
            rng = seed.child("bag", number, bag).rng()
            kept = rng.random(len(train)) >= LEFT_OUT
            if set(np.array(train.groups)[kept]) == set(train.groups):
                parts.append(train.at(np.flatnonzero(kept)))
        constants = problem.fit(form, [part.rows for part in parts])
        errors = [row_errors(form, c, t, held) for c, t in zip(constants, parts, strict=True)]
        folds.append(weight / len(held) * np.mean(np.minimum(errors, _MOST), axis=0))
    rows: Array = np.concatenate(folds)
    return rows * len(rows)


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
