"""Choosing among good forms: nested hold-outs with rows left out, description length, consensus.

A law is credible if it misses the held-out rows by no more than its own uncertainty: the noise of
the rows it was fitted to, and how far its predictions move when rows are left out; and by no more
than a tenth of their variance, or it is credible only for not knowing. A law that is wrong in form
fails this on some fold, however small its error. Of the credible ones, those are kept
that describe all rows in as few nats as any; the one is taken whose predictions for the next scale
lie nearest to the median of these.

Where none is credible, no form is near the truth: then those are kept that predict the held-out
rows as well as the best one, within a standard error of the paired difference, and have the fewest
constants.

A law that was known before the search is given up for one that was found only if that one predicts
the held-out rows better by more than a standard error, since of hundreds of forms some are lucky,
and only if the rows left to fit to have scales enough to show how the target goes on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.expression import Array
from ratchet.research.scaling_laws.fit import Constants, fit
from ratchet.research.scaling_laws.form import Form, parse_form
from ratchet.research.scaling_laws.holdout import next_scale
from ratchet.research.scaling_laws.problem import Problem, predict_table
from ratchet.research.scaling_laws.table import Table
from ratchet.search.archive import Archive, Entry

CANDIDATES, BAGS = 12, 4
"""Best entries that are compared, and times that each fold is repeated with rows left out."""
LEFT_OUT = 0.2
"""Share of a fold's rows that a repetition leaves out."""
_MOST = 50.0
"""Most that one row may add, in variances."""
_NOWHERE = 1e30
CREDIBLE = 2.0
"""Most by which a law's squared error may exceed what its own uncertainty gives, mean over rows."""
FAR = 0.1
"""Most of the held-out rows' variance that a credible law may miss, mean over folds."""
NEAR, ERRORS = 1.02, 1.0
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
    surprise: float
    """Squared error by what the law's own uncertainty gives, mean over rows by the weights."""
    distance: float
    """From the consensus beyond the rows seen, in standard deviations of the target; infinite for
    one that is not among the near-best; 0 for a known law that is kept."""


def choose(
    problem: Problem, archive: Archive, seed: Seed, known: Collection[str] = ()
) -> list[Choice]:
    """Return the best entries, the one to be taken first. Raises ValueError if all have failed.

    ``known`` are programs that one would use without a search; those that have failed, or that the
    archive has not, do not matter.
    """
    entries = _candidates(archive, known)
    if not entries:
        raise ValueError("every program of the archive has failed")
    if problem.selection == "sample":
        return [Choice(e, e.measures["nmse"], 0.0, 0.0) for e in entries]
    forms = [problem.read(e.program) for e in entries]
    found = [_measure(problem, form, seed) for form in forms]
    table = np.array([rows for rows, _ in found])
    surprises = np.array([surprise for _, surprise in found])
    errors = table.mean(axis=1)
    kept = (surprises <= CREDIBLE) & (errors <= FAR)
    if kept.any():
        lengths = np.array([e.measures["length"] for e in entries])
        kept &= lengths <= lengths[kept].min() + BARE
    else:
        kept = _as_good(table)
        least = min(f.count for f, ok in zip(forms, kept, strict=True) if ok)
        kept &= np.array([form.count == least for form in forms])
    beyond = [_beyond(problem, f) if ok else None for f, ok in zip(forms, kept, strict=True)]
    middle = np.median(np.stack([b for b in beyond if b is not None]), axis=0)
    spread = float(problem.table.targets.std()) or 1.0
    distances = [
        float("inf") if b is None else float(np.sqrt(np.mean((b - middle) ** 2))) / spread
        for b in beyond
    ]
    choices = [
        Choice(e, float(error), float(surprise), d)
        for e, error, surprise, d in zip(entries, errors, surprises, distances, strict=True)
    ]
    choices.sort(key=lambda c: (c.distance, c.nmse))
    kept_law = _least(choices, known)
    if kept_law is not None:
        at = {entry.id: place for place, entry in enumerate(entries)}
        more = table[at[kept_law.entry.id]] - table[at[choices[0].entry.id]]
        better = more.mean() > ERRORS * more.std(ddof=1) / np.sqrt(len(more))
        if not (better and problem.folds[0].determined):
            choices.remove(kept_law)
            choices.insert(0, replace(kept_law, distance=0.0))
    return choices


def _least(choices: list[Choice], known: Collection[str]) -> Choice | None:
    """Return the known law that misses the held-out rows by least."""
    found = [choice for choice in choices if choice.entry.program in known]
    return min(found, key=lambda c: c.nmse) if found else None


def _as_good(table: Array) -> npt.NDArray[np.bool_]:
    """Say which candidates are as good as the best, by weighted errors [candidate, row]."""
    errors = table.mean(axis=1)
    best = int(errors.argmin())
    spread = (table - table[best]).std(axis=1, ddof=1) / np.sqrt(table.shape[1])
    good: npt.NDArray[np.bool_] = errors <= np.maximum(
        errors[best] * NEAR, errors[best] + ERRORS * spread
    )
    return good


def _candidates(archive: Archive, known: Collection[str]) -> list[Entry]:
    """Return the best entries by hold-out, no more than two of one form; the forms that describe
    all rows in the fewest nats; the best of each number of constants; and the known laws."""
    alive = archive.alive()
    found: list[Entry] = []
    forms = [_structure(entry.program) for entry in alive]
    simple: dict[float, Entry] = {}
    short: dict[tuple[str, ...], Entry] = {}
    for place, entry in enumerate(alive):
        simple.setdefault(entry.measures["constants"], entry)
        if len(found) < CANDIDATES and forms[: place + 1].count(forms[place]) <= 2:
            found.append(entry)
    order = sorted(range(len(alive)), key=lambda i: alive[i].measures["length"])
    for i in order:
        if alive[i].score > 0.5 * alive[0].score:
            short.setdefault(forms[i], alive[i])
    shortest = list(short.values())[:CANDIDATES]
    before = [entry for entry in alive if entry.program in known]
    return list({e.id: e for e in (*found, *shortest, *simple.values(), *before)}.values())


def _structure(program: str) -> tuple[str, ...]:
    """Return what a program is apart from its fitter and the signs of its terms."""
    form = parse_form(program)
    return (form.link, *sorted(term.tree.text for term in form.terms))


def _measure(problem: Problem, form: Form, seed: Seed) -> tuple[Array, float]:
    """Return the error of each held-out row of all folds, the mean over repetitions with rows left
    out, in units in which their mean is the weighted NMSE; and the law's surprise."""
    folds, surprise = [], 0.0
    for number, (train, held, weight) in enumerate(problem.splits):
        parts = [train]
        for bag in range(BAGS):
            rng = seed.child("bag", number, bag).rng()
            kept = rng.random(len(train)) >= LEFT_OUT
            if set(np.array(train.groups)[kept]) == set(train.groups):
                parts.append(train.at(np.flatnonzero(kept)))
        constants = problem.fit(form, [part.rows for part in parts])
        predicted = np.array(
            [_predict(form, c, t, held) for c, t in zip(constants, parts, strict=True)]
        )
        left = len(train) - form.count * len(set(train.groups))
        residual = train.targets - _predict(form, constants[0], train, train)
        noise = (residual**2).sum(axis=0) / max(1, left)
        # Jackknife: what a share f of rows left out moves is f / (1 - f) of the variance.
        moved = ((predicted[1:] - predicted[0]) ** 2).sum(axis=0) / max(1, len(parts) - 1)
        expected = noise + moved * (1.0 - LEFT_OUT) / LEFT_OUT + 1e-300
        surprise += weight * float(np.mean((held.targets - predicted[0]) ** 2 / expected))
        variance = np.maximum(held.targets.var(axis=0), 1e-300)
        errors = ((held.targets - predicted) ** 2 / variance).mean(axis=2)
        folds.append(weight / len(held) * np.minimum(errors, _MOST).mean(axis=0))
    rows: Array = np.concatenate(folds)
    return rows * len(rows), surprise


def _predict(form: Form, constants: Constants, train: Table, asked: Table) -> Array:
    """Return predictions, very large where there are none."""
    predicted = predict_table(form, constants, train, asked)
    if predicted is None:
        return np.full(asked.targets.shape, _NOWHERE)
    return np.where(np.isfinite(predicted), predicted, _NOWHERE)


def _beyond(problem: Problem, form: Form) -> Array:
    """Return a law's predictions one step beyond the rows seen, [n T]."""
    table = problem.table
    return _predict(form, fit(form, table.rows), table, next_scale(table)).ravel()
