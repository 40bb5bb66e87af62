"""Hidden laws: twelve known truths with noise, to see what a search recovers.

A form is recovered exactly if, with no more constants than the truth, it reproduces the noise-free
law on the rows seen and far beyond them. Twelve simulated tables, no measurement of anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.expression import Array
from ratchet.research.scaling_laws.fit import Constants, fit, predict
from ratchet.research.scaling_laws.form import Form, parse_form
from ratchet.research.scaling_laws.metrics import measure
from ratchet.research.scaling_laws.table import Table
from ratchet.research.scaling_laws.tasks import Task, Variable

EXACT = 1e-7
"""Largest NMSE, by the noise-free spread, of a form that counts as the truth."""
_N = Variable("size", falls=True)
_D = Variable("tokens")


@dataclass(frozen=True)
class HiddenLaw:
    """A truth."""

    name: str
    """Short word."""
    form: Form
    """Its form."""
    linear: tuple[float, ...]
    """Coefficients of the terms."""
    nonlinear: tuple[float, ...]
    """The other constants."""
    two: bool = True
    """Whether it has a second variable."""

    @property
    def task(self) -> Task:
        """What a search is told: variables, cap and where the hidden rows lie."""
        variables = {"n": _N, "d": _D} if self.two else {"n": _N}
        return Task(
            f"hidden_{self.name}", variables, ("loss",), 5, ("n",), width=3 if self.two else 8
        )

    def values(self, inputs: Mapping[str, Array]) -> Array:
        """Return the noise-free target of rows [n]."""
        constants = Constants(
            np.array([self.linear]), np.array([self.nonlinear]).reshape(1, -1), np.zeros(1)
        )
        values: Array = predict(self.form, constants, {k: x[None] for k, x in inputs.items()})[0]
        return values


def _law(name: str, text: str, linear: list[float], nonlinear: list[float]) -> HiddenLaw:
    form = parse_form(f"(law id mse 0 own {text})")
    return HiddenLaw(name, form, tuple(linear), tuple(nonlinear), "d" in form.variables)


HIDDEN: tuple[HiddenLaw, ...] = (
    _law("power", "(+ (pow n (neg ?e)))", [3.0], [0.3]),
    _law("floor", "(+ 1) (+ (pow n (neg ?e)))", [1.7, 2.5], [0.4]),
    _law("logarithm", "(~ 1) (- (log n))", [4.0, -0.3], []),
    _law("shifted", "(+ 1) (+ (pow (+ n ?s) (neg ?e)))", [1.0, 6.0], [3.0, 0.8]),
    _law("rectified", "(+ 1) (+ (/ 1 (+ ?s (pow n ?e))))", [0.8, 4.0], [2.0, 0.7]),
    _law("stretched", "(+ 1) (+ (exp (neg (pow n ?e))))", [1.5, 4.0], [0.35]),
    _law(
        "additive", "(+ 1) (+ (pow n (neg ?e))) (+ (pow d (neg ?e)))", [1.7, 2.0, 3.0], [0.35, 0.5]
    ),
    _law("product", "(+ (* (pow n (neg ?e)) (pow d (neg ?e))))", [5.0], [0.3, 0.15]),
    _law(
        "floored_product", "(+ 1) (+ (* (pow n (neg ?e)) (pow d (neg ?e))))", [1.2, 4.0], [0.5, 0.3]
    ),
    _law("parallel", "(+ 1) (+ (pow (* n (+ 1 (* ?s (log d)))) (neg ?e)))", [1.0, 3.0], [0.6, 0.4]),
    _law("half_log", "(~ 1) (+ (pow n (neg ?e))) (- (log d))", [3.0, 2.0, -0.2], [0.5]),
    _law(
        "bilinear",
        "(~ 1) (- (log n)) (- (log d)) (+ (* (log n) (log d)))",
        [6.0, -0.6, -0.4, 0.05],
        [],
    ),
)
"""Twelve laws of one and two variables."""


def make_table(law: HiddenLaw, noise: float, seed: Seed, beyond: bool = False) -> Table:
    """Make a law's table: a grid of scales, two decades seen, or the decade beyond.

    ``noise`` is the standard deviation of what is added, by the spread of the target.
    """
    low, high = (2.0, 3.0) if beyond else (0.0, 2.0)
    n = np.logspace(low, high, 16 if law.two else 40)
    d = np.logspace(0.0, 2.0, 7 if law.two else 1)
    inputs = {"n": np.repeat(n, len(d))}
    if law.two:
        inputs["d"] = np.tile(d, len(n))
    y = law.values(inputs)
    y = y + noise * y.std() * seed.rng().normal(size=len(y))
    return Table(law.task, ("all",) * len(y), inputs, y[:, None])


def recovers(form: Form, law: HiddenLaw) -> bool:
    """Say whether a form is the truth, written this way or another."""
    if form.count > law.form.count:
        return False
    near, far = (make_table(law, 0.0, Seed(0), beyond) for beyond in (False, True))
    constants = fit(form, near.rows)
    for table in (near, far):
        predicted = table.scatter(predict(form, constants, table.rows.inputs))
        if measure(table.targets, predicted, table.groups).nmse > EXACT:
            return False
    return True
