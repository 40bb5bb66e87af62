"""The plain fitting routine of SLDBench's seed program: BFGS on the squared error, from all ones.

A peer of the fit engine. All constants, linear ones too, are free numbers; there is one start, and
a group keeps what was reached. Exponents and scales may not turn negative: they enter by their
absolute value. The method is Nocedal and Wright (2006), algorithm 6.1, for all groups at once, with
steps halved until they descend enough (Armijo) in place of the Wolfe conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.research.scaling_laws.expression import Array, evaluate
from ratchet.research.scaling_laws.fit import Constants, Rows
from ratchet.research.scaling_laws.form import Form

STEPS, HALVINGS = 200, 30
"""Most steps, and times that one is halved."""
FLAT = 1e-5
"""A group has converged when no slope is larger, as in SciPy."""
_ENOUGH, _WORST = 1e-4, 1e12


def fit_plain(form: Form, tables: Sequence[Rows]) -> list[Constants]:
    """Fit a form to each group of each table."""
    with np.errstate(all="ignore"):
        return [_fit(form, rows) for rows in tables]


def _fit(form: Form, rows: Rows) -> Constants:
    task = _Task(form, rows)
    count, groups = len(form.terms), len(rows.target)
    width = count + len(form.constants)
    point = np.ones((groups, width))
    value, slope = task.cost(point)
    inverse = np.broadcast_to(np.eye(width), (groups, width, width)).copy()
    for step_number in range(STEPS):
        way = -np.einsum("gij,gj->gi", inverse, slope)
        descent = np.einsum("gi,gi->g", way, slope)
        uphill = ~(descent < 0)
        way[uphill], inverse[uphill] = -slope[uphill], np.eye(width)
        descent = np.where(uphill, -(slope**2).sum(axis=1), descent)
        active = np.abs(slope).max(axis=1) > FLAT
        length = np.where(active, 1.0, 0.0)
        if step_number == 0:
            length = length / np.maximum(1.0, np.abs(way).max(axis=1))
        for _ in range(HALVINGS):
            tried = task.cost(point + length[:, None] * way)
            enough = tried[0] <= value + _ENOUGH * length * descent
            if enough.all():
                break
            length = np.where(enough, length, 0.5 * length)
        length = np.where(enough, length, 0.0)
        if not (length > 0).any():
            break
        moved = length[:, None] * way
        after, bent = task.cost(point + moved)
        inverse = _update(inverse, moved, bent - slope)
        point, value, slope = point + moved, after, bent
    natural = task.natural(point[:, count:])
    return Constants(point[:, :count], natural, value)


def _update(inverse: Array, moved: Array, turned: Array) -> Array:
    """Return the inverse Hessians by the BFGS formula; one without curvature stays."""
    curved = np.einsum("gi,gi->g", moved, turned)
    safe = np.where(curved > 1e-14, curved, 1.0)[:, None, None]
    left = np.eye(moved.shape[1]) - moved[:, :, None] * turned[:, None, :] / safe
    new = left @ inverse @ np.swapaxes(left, 1, 2) + moved[:, :, None] * moved[:, None, :] / safe
    good = (curved > 1e-14) & np.isfinite(new).all(axis=(1, 2))
    return np.where(good[:, None, None], new, inverse)


@dataclass(frozen=True)
class _Task:
    form: Form
    rows: Rows

    def natural(self, raw: Array) -> Array:
        """Return nonlinear constants as they stand in the expression."""
        free = np.array([kind == "?r" for kind in self.form.constants], dtype=bool)
        return np.where(free, raw, np.abs(raw))

    def cost(self, point: Array) -> tuple[Array, Array]:
        """Return mean squared errors [G] and their slopes [G, P]."""
        form, rows, count = self.form, self.rows, len(self.form.terms)
        y = np.log(rows.target) if form.link == "log" else rows.target
        raw = point[:, count:]
        theta = self.natural(raw)
        sign = np.where(theta == raw, 1.0, -1.0)
        columns = np.zeros((*point.shape, y.shape[1]))
        total, first = np.zeros(y.shape), 0
        for k, term in enumerate(form.terms):
            size = len(term.tree.constants)
            own = [theta[:, first + p, None] for p in range(size)]
            found = evaluate(term.tree, rows.inputs, own)
            total = total + point[:, k, None] * found.value
            columns[:, k] = found.value
            for p, d in found.slopes.items():
                at = first + p
                columns[:, count + at] = point[:, k, None] * d * sign[:, at, None]
            first += size
        real = rows.weight > 0
        error = np.where(real, total - y, 0.0)
        rows_of = real.sum(axis=1)
        value = (error**2).sum(axis=1) / rows_of
        slope = 2.0 * np.einsum("gpn,gn->gp", columns, error) / rows_of[:, None]
        broken = ~(np.isfinite(value) & np.isfinite(slope).all(axis=1))
        return np.where(broken, _WORST, value), np.where(broken[:, None], 0.0, slope)
