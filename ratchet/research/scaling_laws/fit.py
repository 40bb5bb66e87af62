"""The fit engine: linear constants in closed form, nonlinear ones by multi-start least squares.

Variable projection (Golub and Pereyra 1973) with Kaufman's Jacobian, inside Levenberg-Marquardt
steps in log space, for all starts and all groups at once.

Deviations: sign bounds are kept by dropping the offending terms one after another, not by an
exact non-negative solve; starts are a fixed low-discrepancy set, so a fit is a function of form and
rows alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from ratchet.research.scaling_laws.expression import Array, evaluate
from ratchet.research.scaling_laws.form import Form

STARTS, KEPT = 16, 3
"""Starts that are tried, and how many of them are followed."""
SHORT, LONG = 4, 10
"""Steps of those that are followed, and of the best of them."""
_START = {"?e": (np.log(0.04), np.log(1.5)), "?s": (np.log(0.02), np.log(50.0)), "?r": (-3.0, 3.0)}
_BOUND = {"?e": (np.log(0.01), np.log(6.0)), "?s": (np.log(1e-6), np.log(1e6)), "?r": (-30.0, 30.0)}
_SIGN = {"+": 1.0, "-": -1.0, "~": 0.0}
_RIDGE, _STEP, _PRIOR = 1e-10, 1.5, 0.3
_GAIN, _STUCK = 1e-6, 10.0
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


@dataclass(frozen=True)
class Rows:
    """A table by groups: G groups of up to N rows; shorter groups are padded with weight 0."""

    inputs: Mapping[str, Array]
    """Variables in their units, each [G, N]."""
    target: Array
    """[G, N]."""
    weight: Array
    """[G, N]; 1 for a row, 0 for padding or a row held out."""
    position: Array
    """[G, N]; where a row stands on the axis of extrapolation, 0 to 1 in its group."""

    def only(self, mask: npt.NDArray[np.bool_]) -> Rows:
        """Return the table with the rows outside the mask held out."""
        return replace(self, weight=self.weight * mask)


@dataclass(frozen=True)
class Constants:
    """What a fit found, by group."""

    linear: Array
    """[G, K]: one for each term."""
    nonlinear: Array
    """[G, P], as they stand in the expression."""
    cost: Array
    """[G]: mean weighted squared error, in the link's space."""


def fit(form: Form, rows: Rows) -> Constants:
    """Fit a form to every group. Rows that cannot be used (logarithm of no positive) give NaN."""
    with np.errstate(all="ignore"):
        return _fit(form, rows)


def predict(form: Form, constants: Constants, inputs: Mapping[str, Array]) -> Array:
    """Return the law's values [G, N]: a function of each row alone."""
    with np.errstate(all="ignore"):
        theta = list(np.moveaxis(constants.nonlinear, -1, 0)[..., None])
        shape = np.broadcast_shapes(*(x.shape for x in inputs.values()))
        total, first = np.zeros(shape), 0
        for k, term in enumerate(form.terms):
            count = len(term.tree.constants)
            value = evaluate(term.tree, inputs, theta[first : first + count], slopes=False).value
            total = total + constants.linear[:, k, None] * value
            first += count
        return np.exp(np.clip(total, -60.0, 60.0)) if form.link == "log" else total


def _fit(form: Form, rows: Rows) -> Constants:
    y = np.log(rows.target) if form.link == "log" else rows.target
    w = rows.weight * np.exp(form.fitter.focus * (rows.position - 1.0))
    y = np.where(w > 0, y, 0.0)
    w = w / np.maximum(w.sum(axis=-1, keepdims=True), 1e-300)
    kinds = form.constants
    task = _Task(form, rows.inputs, y, w)
    groups = y.shape[0]
    if not kinds:
        point = task.solve(np.zeros((1, groups, 0)))
        return _finish(form, point, 0)
    u = np.repeat(_starts(kinds)[:, None, :], groups, axis=1)
    pool = form.fitter.pool
    point = _search(task, u, shared=pool != "own")
    if pool == "shrunk":
        common = point.u[_best(point, shared=True)[0]].mean(axis=0)
        spread = float(np.median(point.cost.min(axis=0)))
        task = replace(task, centre=common, strength=spread / (_PRIOR**2 * y.shape[-1]))
        point = _descend(task, task.solve(np.repeat(common[None, None], groups, 1)), LONG, False)
    shared = pool == "shared"
    if form.fitter.loss == "huber":
        for _ in range(2):
            at = _best(point, shared)
            best = _take(point, at)
            task = replace(task, w=_reweigh(w, best.residual))
            point = _descend(task, task.solve(best.u), SHORT, shared)
    return _finish(form, point, _best(point, shared))


@dataclass(frozen=True)
class _Point:
    u: Array
    linear: Array
    residual: Array
    cost: Array
    phi: Array
    slope: Array
    inverse: Array


@dataclass(frozen=True)
class _Task:
    """Everything a point is computed from; leading axes are starts and groups, [S, G]."""

    form: Form
    inputs: Mapping[str, Array]
    y: Array
    w: Array
    centre: Array | None = None
    strength: float = 0.0

    def solve(self, u: Array, slopes: bool = True) -> _Point:
        """Return the point at u [S, G, P], its linear constants in closed form."""
        kinds = self.form.constants
        theta = [_natural(kind, u[..., p, None]) for p, kind in enumerate(kinds)]
        chain = [theta[p] if kind != "?r" else 1.0 for p, kind in enumerate(kinds)]
        shape = (*u.shape[:2], self.y.shape[-1])
        values, found, first = [], [], 0
        for term in self.form.terms:
            count = len(term.tree.constants)
            dual = evaluate(term.tree, self.inputs, theta[first : first + count], slopes)
            values.append(np.broadcast_to(dual.value, shape))
            found.append({first + p: d * chain[first + p] for p, d in dual.slopes.items()})
            first += count
        phi = _tame(np.stack(values, axis=-2))
        bound = np.array([_SIGN[term.sign] for term in self.form.terms])
        linear, inverse = _solve_linear(phi, self.y, self.w, bound)
        residual = self.y - (linear[..., None, :] @ phi)[..., 0, :]
        slope = np.zeros((*u.shape[:2], len(kinds), shape[-1]))
        for k, by in enumerate(found):
            for p, d in by.items():
                slope[..., p, :] += linear[..., k, None] * d
        cost = (self.w * residual**2).sum(axis=-1)
        if self.centre is not None:
            cost = cost + self.strength * ((u - self.centre) ** 2).sum(axis=-1)
        return _Point(
            u,
            linear,
            residual,
            np.where(np.isfinite(cost), cost, 1e300),
            phi,
            _tame(slope),
            inverse,
        )


def _solve_linear(phi: Array, y: Array, w: Array, bound: Array) -> tuple[Array, Array]:
    """Solve for the coefficients [S, G, K] under their signs; also return the inverse of the Gram
    matrix, 0 for terms that were dropped."""
    weighted = phi * w[..., None, :]
    gram = weighted @ np.swapaxes(phi, -1, -2)
    right = (weighted @ y[..., None])[..., 0]
    scale = np.sqrt(np.maximum(gram.diagonal(axis1=-2, axis2=-1), 1e-120))
    outer = scale[..., None] * scale[..., None, :]
    eye = np.eye(gram.shape[-1])
    gram = gram / outer + _RIDGE * eye
    right = right / scale
    inverse = _invert(gram)
    solution = (inverse @ right[..., None])[..., 0]
    free = None
    for _ in range(len(bound) if bound.any() else 0):
        wrong = solution * bound
        worst = wrong.min(axis=-1, keepdims=True)
        if not (worst < 0).any():
            break
        drop = (wrong == worst) & (worst < 0)
        free = ~drop if free is None else free & ~drop
        both = free[..., None] & free[..., None, :]
        inverse = _invert(np.where(both, gram, eye)) * both
        solution = (inverse @ (right * free)[..., None])[..., 0]
    return solution / scale, inverse / outer


def _invert(matrix: Array) -> Array:
    """Invert positive matrices [..., K, K]; small ones by formula, which takes half the time."""
    if matrix.shape[-1] == 1:
        return 1.0 / matrix
    if matrix.shape[-1] > 2:
        try:
            return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
        except np.linalg.LinAlgError:
            return np.asarray(np.linalg.pinv(matrix), dtype=np.float64)
    a, b, d = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 1]
    inverse = np.empty_like(matrix)
    scale = 1.0 / (a * d - b * b)
    inverse[..., 0, 0] = d * scale
    inverse[..., 1, 1] = a * scale
    inverse[..., 0, 1] = inverse[..., 1, 0] = -b * scale
    return inverse


def _jacobian(task: _Task, point: _Point) -> Array:
    """Return the derivative of the residual by u, [S, G, P, N], with b as a function of u."""
    right = (point.slope * task.w[..., None, :]) @ np.swapaxes(point.phi, -1, -2)
    return (right @ point.inverse) @ point.phi - point.slope


def _descend(task: _Task, point: _Point, steps: int, shared: bool) -> _Point:
    """Take Levenberg-Marquardt steps; a step that does not lower the cost is not taken."""
    kinds = task.form.constants
    low = np.array([_BOUND[kind][0] for kind in kinds])
    high = np.array([_BOUND[kind][1] for kind in kinds])
    eye = np.eye(len(kinds))
    damping = np.full(point.cost.shape, 1e-2)
    for _ in range(steps):
        jacobian = _jacobian(task, point)
        weighted = jacobian * task.w[..., None, :]
        normal = weighted @ np.swapaxes(jacobian, -1, -2)
        gradient = (weighted @ point.residual[..., None])[..., 0]
        if task.centre is not None:
            normal = normal + task.strength * eye
            gradient = gradient + task.strength * (point.u - task.centre)
        before = point.cost
        if shared:
            normal, gradient = (_sum_groups(x) for x in (normal, gradient))
            before = _sum_groups(before)
        diagonal = normal.diagonal(axis1=-2, axis2=-1)
        system = normal + (damping[..., None] * diagonal + 1e-14)[..., None] * eye
        if not (np.isfinite(system).all() and np.isfinite(gradient).all()):
            system, gradient = np.where(np.isfinite(system), system, eye), _tame(gradient)
        step = -(_invert(system) @ gradient[..., None])[..., 0]
        tried = task.solve(
            np.minimum(np.maximum(point.u + np.minimum(np.maximum(step, -_STEP), _STEP), low), high)
        )
        after = _sum_groups(tried.cost) if shared else tried.cost
        better = after < before
        done = np.where(better, before - after <= _GAIN * before, damping > _STUCK)
        damping = np.clip(np.where(better, damping * 0.2, damping * 6.0), 1e-9, 1e9)
        point = _mix(point, tried, better)
        if done.all():
            break
    return point


def _sum_groups(x: Array) -> Array:
    return np.broadcast_to(x.sum(axis=1, keepdims=True), x.shape)


def _tame(x: Array) -> Array:
    """Return finite values; they almost always are."""
    return x if np.isfinite(x).all() else np.nan_to_num(x, nan=0.0, posinf=1e30, neginf=-1e30)


def _search(task: _Task, u: Array, shared: bool) -> _Point:
    """Follow the best starts for a while, then the best of them to the end; [1, G]."""
    order = _order(task.solve(u, slopes=False).cost, shared)
    u = np.take_along_axis(u, order[:KEPT, :, None], axis=0)
    point = _descend(task, task.solve(u), SHORT, shared)
    return _descend(task, _take(point, _best(point, shared)), LONG, shared)


def _order(cost: Array, shared: bool) -> npt.NDArray[np.intp]:
    if shared:
        cost = np.broadcast_to(cost.sum(axis=1, keepdims=True), cost.shape)
    return np.argsort(cost, axis=0, kind="stable")


def _best(point: _Point, shared: bool) -> npt.NDArray[np.intp]:
    first: npt.NDArray[np.intp] = _order(point.cost, shared)[0]
    return first


def _take(point: _Point, at: npt.NDArray[np.intp]) -> _Point:
    """Return the point at one start of each group, [1, G]."""
    groups = np.arange(len(at))
    return _Point(*(getattr(point, name)[at, groups][None] for name in _FIELDS))


def _mix(old: _Point, new: _Point, better: npt.NDArray[np.bool_]) -> _Point:
    if better.all() or not better.any():
        return new if better.all() else old
    parts: list[Array] = []
    for name in _FIELDS:
        a, b = getattr(old, name), getattr(new, name)
        parts.append(np.where(better.reshape(better.shape + (1,) * (a.ndim - 2)), b, a))
    return _Point(*parts)


_FIELDS = ("u", "linear", "residual", "cost", "phi", "slope", "inverse")


def _reweigh(w: Array, residual: Array) -> Array:
    """Return Huber's weights, its width 1.345 standard deviations by the median of residuals."""
    size = np.where(w > 0, np.abs(residual[0]), np.nan)
    width = 1.345 * 1.4826 * np.nanmedian(size, axis=-1, keepdims=True)
    share: Array = np.maximum(width, 1e-12) / np.maximum(np.abs(residual[0]), 1e-300)
    return w * np.minimum(1.0, share)


def _finish(form: Form, point: _Point, at: npt.NDArray[np.intp] | int) -> Constants:
    groups = np.arange(point.cost.shape[1])
    u = point.u[at, groups]
    natural = [_natural(kind, u[:, p]) for p, kind in enumerate(form.constants)]
    nonlinear = np.stack(natural, axis=-1) if natural else np.zeros((len(groups), 0))
    return Constants(point.linear[at, groups], nonlinear, point.cost[at, groups])


def _natural(kind: str, u: Array) -> Array:
    return u if kind == "?r" else np.exp(u)


@cache
def _unit(count: int) -> tuple[tuple[float, ...], ...]:
    """Return a Halton sequence of so many dimensions."""
    return tuple(
        tuple(_radical(n, _PRIMES[p % len(_PRIMES)]) for p in range(count))
        for n in range(1, STARTS + 1)
    )


def _radical(n: int, base: int) -> float:
    value, share = 0.0, 1.0 / base
    while n:
        value += share * (n % base)
        n //= base
        share /= base
    return value


def _starts(kinds: Sequence[str]) -> Array:
    """Return the starts [S, P] in log space."""
    low = np.array([_START[kind][0] for kind in kinds])
    high = np.array([_START[kind][1] for kind in kinds])
    starts: Array = low + np.array(_unit(len(kinds))) * (high - low)
    return starts
