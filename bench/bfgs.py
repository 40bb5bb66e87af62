"""The plain fitting routine of SLDBench's seed program: BFGS on the squared error, from all ones.

A peer of the fit engine. All constants, linear ones too, are free numbers; one start; a group that
does not converge keeps what was reached. Exponents and scales may not turn negative: they enter by
their absolute value.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from ratchet.research.scaling_laws.expression import Array, evaluate
from ratchet.research.scaling_laws.fit import Constants, Rows
from ratchet.research.scaling_laws.form import Form

STEPS = 200
_WORST = 1e12


def fit_plain(form: Form, tables: Sequence[Rows]) -> list[Constants]:
    """Fit a form to each group of each table."""
    with np.errstate(all="ignore"):
        return [_fit(form, rows) for rows in tables]


def _fit(form: Form, rows: Rows) -> Constants:
    found = [_fit_group(form, rows, g) for g in range(len(rows.target))]
    points, costs = (np.array(part) for part in zip(*found, strict=True))
    count = len(form.terms)
    nonlinear = points[:, count:]
    for p, kind in enumerate(form.constants):
        if kind != "?r":
            nonlinear[:, p] = np.abs(nonlinear[:, p])
    return Constants(points[:, :count], nonlinear, costs)


def _fit_group(form: Form, rows: Rows, g: int) -> tuple[Array, float]:
    real = rows.weight[g] > 0
    inputs = {name: x[g][real] for name, x in rows.inputs.items()}
    y = np.log(rows.target[g][real]) if form.link == "log" else rows.target[g][real]
    count = len(form.terms)
    free = np.array([kind == "?r" for kind in form.constants], dtype=bool)

    def cost(point: Array) -> tuple[float, Array]:
        theta = np.where(free, point[count:], np.abs(point[count:]))
        turned = np.where(free | (point[count:] >= 0), 1.0, -1.0)
        slopes, first = np.zeros((len(point), len(y))), 0
        total = np.zeros(len(y))
        for k, term in enumerate(form.terms):
            own = list(theta[first : first + len(term.tree.constants), None])
            found = evaluate(term.tree, inputs, own)
            total = total + point[k] * found.value
            slopes[k] = found.value
            for p, d in found.slopes.items():
                slopes[count + first + p] = point[k] * d * turned[first + p]
            first += len(own)
        error = total - y
        value, slope = float(np.mean(error**2)), 2.0 * (slopes @ error) / len(y)
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return _WORST, np.zeros(len(point))
        return value, slope

    start = np.ones(count + len(free))
    found = minimize(cost, start, jac=True, method="BFGS", options={"maxiter": STEPS})
    return found.x, float(found.fun)
