"""The evaluation of laws: parse, count, fit, extrapolate to inner hold-outs, check the physics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.expression import Array
from ratchet.research.scaling_laws.fit import Constants, Rows, fit, predict
from ratchet.research.scaling_laws.form import Fitter, Form, parse_form
from ratchet.research.scaling_laws.holdout import Fold, make_folds
from ratchet.research.scaling_laws.metrics import FAILED, Metrics, measure
from ratchet.research.scaling_laws.sanity import check_physics
from ratchet.research.scaling_laws.stack import fit_all
from ratchet.research.scaling_laws.table import Table
from ratchet.search.cascade import Assessment, Cascade, Metric, Stage

NMSE = Metric("nmse", rises=False, low=0.0)
"""What laws are scored by, fold by fold: 1 / (1 + NMSE), SLDBench's combined score."""
WORST = 2.0
"""NMSE of a fold is cut here, as published R2 is floored at -1."""
PARSIMONY = 0.0002
"""Score that a constant more, or four nodes more, must be worth."""
LARGEST = 30
"""Most nodes of a form, or as many as four for each constant allowed."""
NODE = 3.0
"""What a node adds to twice the description length: a law names one of four or five symbols."""
Fit = Callable[[Form, Sequence[Rows]], list[Constants]]
"""Fits a form to each of several tables."""


@dataclass(frozen=True)
class Problem:
    """One task's open rows, with the way laws are judged on them."""

    table: Table
    """Rows to search with."""
    seed: Seed
    """Of the folds."""
    selection: str = "holdout"
    """``holdout``: score by inner extrapolation; ``sample``: by fit to the rows themselves."""
    plain: bool = False
    """Whether the fitting routine is fixed: squared error, every group its own constants."""
    fit: Fit = fit_all
    """What finds the constants."""

    @cached_property
    def folds(self) -> list[Fold]:
        """The inner hold-outs."""
        return make_folds(self.table, self.seed)

    @cached_property
    def splits(self) -> list[tuple[Table, Table, float]]:
        """Rows to fit to, rows to predict, weight."""
        if self.selection == "sample":
            return [(self.table, self.table, 1.0)]
        return [(self.table.at(f.train), self.table.at(f.held), f.weight) for f in self.folds]

    @cached_property
    def assess(self) -> Cascade:
        """The cascade that a search evaluates with."""
        return Cascade((Stage("form", self._read), Stage("folds", self._judge)))

    def read(self, text: str) -> Form:
        """Parse a program; raises ValueError if it is no law of this task."""
        form = parse_form(text)
        known = {*self.table.task.variables, *(("own",) if self.table.task.own else ())}
        unknown = sorted(form.variables - known)
        if unknown:
            raise ValueError(f"unknown variable {', '.join(unknown)}; there are {sorted(known)}")
        return replace(form, fitter=Fitter()) if self.plain else form

    def _read(self, text: str) -> Assessment:
        try:
            form = self.read(text)
        except ValueError as error:
            return Assessment(failure="not_a_law", feedback=str(error))
        cap = self.table.task.cap
        if form.count > cap:
            told = f"{form.count} constants of a group; the cap is {cap}"
            return Assessment(failure="over_cap", feedback=told)
        if form.size > max(LARGEST, 4 * cap):
            return Assessment(failure="too_large", feedback=f"{form.size} nodes are too many")
        if form.link == "log" and self.table.targets.min() <= 0:
            return Assessment(failure="no_logarithm", feedback="the target is not positive")
        return Assessment(1.0)

    def _judge(self, text: str) -> Assessment:
        form, measured = self.read(text), []
        tables = [train for train, _, _ in self.splits]
        if tables[-1] is not self.table:
            tables.append(self.table)
        constants = self.fit(form, [table.rows for table in tables])
        for (train, held, weight), known in zip(self.splits, constants, strict=False):
            found = score(form, known, train, held)
            if found.nmse >= FAILED:
                return Assessment(failure="not_finite", feedback="no finite value for some row")
            measured.append((weight, found))
        broken = check_physics(form, constants[-1], self.table)
        if broken:
            return Assessment(0.0, broken, f"beyond the rows seen the law is {broken}")
        length = describe(form, constants[-1], self.table)
        return _weigh(form, measured, length)


def describe(form: Form, constants: Constants, table: Table) -> float:
    """Return twice the description length, in nats, of all rows by a law that was fitted to them.

    n log(mean squared error) + k log n, each cell with its own noise (Schwarz 1978), and `NODE` for
    each node of the form, after Bartlett, Desmond and Ferreira (arXiv 2211.11461).
    """
    rows = table.rows
    real = rows.weight > 0
    error = np.where(real, rows.target - predict(form, constants, rows.inputs), 0.0)
    counts = real.sum(axis=1)
    noise = np.maximum((error**2).sum(axis=1) / counts, 1e-300)
    sets = 1 if form.fitter.pool == "shared" else len(counts)
    free = len(form.terms) * len(counts) + len(form.constants) * sets
    size = form.size + (form.link == "log")
    value = (counts * np.log(noise)).sum() + free * np.log(counts.sum()) + NODE * size
    return float(np.nan_to_num(value, nan=1e300, posinf=1e300))


def weigh_folds(errors: Sequence[tuple[float, float]]) -> Assessment:
    """Return the mean score and NMSE of folds, given by weight and NMSE; or the fold's failure."""
    total = sum(weight for weight, _ in errors)
    score, nmse = 0.0, 0.0
    for weight, error in errors:
        found = NMSE.score(min(error, WORST))
        if found.failure:
            return found
        score += weight / total * found.score
        nmse += weight / total * found.measures[NMSE.name]
    return Assessment(score, measures={NMSE.name: nmse, "r2": 1.0 - nmse})


def _weigh(form: Form, measured: Sequence[tuple[float, Metrics]], length: float) -> Assessment:
    """Return what a form is worth by its errors on the folds."""
    whole = weigh_folds([(weight, m.nmse) for weight, m in measured])
    if whole.failure:
        return whole
    total = sum(weight for weight, _ in measured)
    nmse = whole.measures["nmse"]
    measures = {
        **whole.measures,
        "nmae": sum(w * m.nmae for w, m in measured) / total,
        "constants": float(form.count),
        "size": float(form.size),
        "length": length,
        **{f"fold_{i}": m.r2 for i, (_, m) in enumerate(measured)},
    }
    worth = max(0.0, whole.score - PARSIMONY * (form.count + form.size / 4))
    # With its constants counted: a law is no twin of one that does the same with more of them.
    behaviour = " ".join([str(form.count), *(f"{m.nmse:.2e}" for _, m in measured)])
    told = f"R2 {1 - nmse:.4f} by inner hold-out with {form.count} constants"
    cell = (form.count, min(form.size // 4, 12), int(form.link == "log"))
    return Assessment(worth, "", told, measures, cell, behaviour)


def extrapolate(form: Form, train: Table, held: Table) -> Metrics:
    """Fit to some rows and measure on others."""
    return score(form, fit(form, train.rows), train, held)


def score(form: Form, constants: Constants, train: Table, held: Table) -> Metrics:
    """Measure a law that was fitted to some rows on others."""
    predicted = predict_table(form, constants, train, held)
    if predicted is None:
        return Metrics(FAILED, -1.0, FAILED, -1.0)
    return measure(held.targets, predicted, held.groups)


def align(constants: Constants, train: Table, held: Table) -> Constants | None:
    """Return the constants in the order of another table's cells; None if a group is unknown."""
    places = {cell: at for at, cell in enumerate(train.cells)}
    if any(cell not in places for cell in held.cells):
        return None
    index = np.array([places[cell] for cell in held.cells])
    return Constants(constants.linear[index], constants.nonlinear[index], constants.cost[index])


def predict_table(form: Form, constants: Constants, train: Table, asked: Table) -> Array | None:
    """Return predictions [n, T] for a table; None if it has a group that was never fitted."""
    chosen = align(constants, train, asked)
    if chosen is None:
        return None
    return asked.scatter(predict(form, chosen, asked.rows.inputs))
