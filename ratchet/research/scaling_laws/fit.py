"""The fit engine: linear constants in closed form, nonlinear ones by multi-start least squares.

Variable projection (Golub and Pereyra 1973) with Kaufman's Jacobian, inside Levenberg-Marquardt
steps in log space, for all starts and all groups at once. One pass over a tree gives values and
derivatives; their inner products alone give coefficients, gradient and normal matrix.

Deviations: sign bounds are kept by dropping the offending terms one after another, not by an
exact non-negative solve; starts are a fixed low-discrepancy set, so a fit is a function of form and
rows alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from ratchet.research.scaling_laws.expression import Array, Tree, evaluate
from ratchet.research.scaling_laws.form import Form
from ratchet.research.scaling_laws.linear import project, solve

STARTS, KEPT = 16, 3
"""Starts that are tried, and how many of them are followed."""
SHORT, LONG = 4, 20
"""Steps of those that are followed, and of the best of them."""
_START = {"?e": (np.log(0.04), np.log(1.5)), "?s": (np.log(0.02), np.log(50.0)), "?r": (-3.0, 3.0)}
_BOUND = {"?e": (np.log(0.01), np.log(6.0)), "?s": (np.log(1e-6), np.log(1e6)), "?r": (-30.0, 30.0)}
_SIGN = {"+": 1.0, "-": -1.0, "~": 0.0}
_STEP, _PRIOR, _HUGE = 2.5, 0.3, 1e30
_GAIN, _STUCK = 1e-6, 100.0
"""A start has settled at so small a gain, or promise of one, or at so much damping."""
_FIRST, _DOWN, _UP = 0.1, 0.2, 6.0
"""Damping to begin with, and how it changes after a step that was taken and one that was not."""
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
    task = _prepare(form, rows.inputs, y, w)
    groups, kinds, pool = len(y), form.constants, form.fitter.pool
    if not kinds:
        return _finish(form, task.solve(np.zeros((0, 1, groups))))
    shared = pool == "shared"
    point = _search(task, _starts(kinds), shared=pool != "own")
    if pool == "shrunk":
        common = point.u[:, 0].mean(axis=-1)[:, None, None]
        spread = float(np.median(point.cost))
        task = replace(task, centre=common, strength=spread / (_PRIOR**2 * y.shape[-1]))
        point = _descend(task, task.solve(common.repeat(groups, axis=-1)), LONG, False)
    if form.fitter.loss == "huber":
        for _ in range(2):
            task = task.weighted(_reweigh(w, task.residual(point)))
            point = _descend(task, task.solve(point.u), SHORT, shared)
    return _finish(form, point)


@dataclass(frozen=True)
class _Point:
    """Where a descent stands, for each start and group; these are the last two axes, [S, G]."""

    u: Array
    """[P, S, G]: nonlinear constants, exponents and scales as logarithms."""
    linear: Array
    """[K, S, G]."""
    cost: Array
    """[S, G]."""
    normal: Array
    """[P, P, S, G]: matrix of the normal equations."""
    gradient: Array
    """[P, S, G]: half the gradient of the cost."""

    def at(self, groups: npt.NDArray[np.intp]) -> _Point:
        """Return the point of some of the groups."""
        return _Point(*(getattr(self, f.name)[..., groups] for f in fields(self)))

    def of(self, starts: npt.NDArray[np.intp]) -> _Point:
        """Return the point at one start of each group, [1, G]."""
        groups = np.arange(len(starts))
        arrays = (getattr(self, f.name)[..., starts, groups] for f in fields(self))
        return _Point(*(x[..., None, :] for x in arrays))


@dataclass(frozen=True)
class _Task:
    """Everything a point is computed from."""

    form: Form
    trees: tuple[Tree, ...]
    """Of the terms, with what does not depend on constants already evaluated."""
    inputs: Mapping[str, Array]
    """[G, N]."""
    y: Array
    root: Array
    """Of the weights, [G, N]."""
    centre: Array | None = None
    strength: float = 0.0

    def at(self, groups: npt.NDArray[np.intp]) -> _Task:
        """Return the task of some of the groups."""
        inputs = {name: x[groups] for name, x in self.inputs.items()}
        return replace(self, inputs=inputs, y=self.y[groups], root=self.root[groups])

    def weighted(self, w: Array) -> _Task:
        """Return the task with other weights."""
        return replace(self, root=np.sqrt(w))

    def solve(self, u: Array, slopes: bool = True) -> _Point:
        """Return the point at u [P, S, G], its linear constants in closed form.

        Without slopes there is no normal matrix, and the cost is good enough to compare starts.
        """
        kinds, bound = self.form.constants, self._bound
        count = len(bound)
        theta = _natural(kinds, u)
        columns = self._columns(theta, slopes)
        shape, width = columns.shape[:2], columns.shape[2]
        products = columns @ np.swapaxes(columns, -1, -2)
        if not np.isfinite(products).all():
            columns = np.nan_to_num(columns, nan=0.0, posinf=_HUGE, neginf=-_HUGE)
            products = columns @ np.swapaxes(columns, -1, -2)
        flat = np.ascontiguousarray(products.reshape(-1, width * width).T)
        linear, rest = project(flat.reshape(width, width, -1), bound)
        if not slopes:
            cost = rest[0, 0].reshape(shape)
            return _Point(u, linear.reshape(-1, *shape), cost, u, u)
        fitted = linear.T.reshape(*shape, 1, count) @ columns[:, :, :count]
        residual = columns[:, :, count] - fitted[:, :, 0]
        linear = linear.reshape(-1, *shape)
        cost = np.einsum("sgn,sgn->sg", residual, residual)
        # Kaufman: the coefficients' own change is left out where it meets the residual.
        owner = [k for k, tree in enumerate(self.trees) for _ in tree.constants]
        chain = linear[owner]
        for p, kind in enumerate(kinds):
            if kind != "?r":
                chain[p] *= theta[p]
        gradient = (columns[:, :, count + 1 :] @ residual[..., None])[..., 0]
        gradient = -chain * np.moveaxis(gradient, -1, 0)
        normal = chain[:, None] * chain * rest[1:, 1:].reshape(len(u), len(u), *shape)
        if self.centre is not None:
            away = u - self.centre
            cost = cost + self.strength * (away**2).sum(axis=0)
            gradient = gradient + self.strength * away
            for p in range(len(u)):
                normal[p, p] += self.strength
        return _Point(u, linear, np.where(np.isfinite(cost), cost, 1e300), normal, gradient)

    def residual(self, point: _Point) -> Array:
        """Return the unweighted residual [G, N] of the first start."""
        columns = replace(self, root=np.ones_like(self.root))._columns(
            _natural(self.form.constants, point.u), False
        )[0]
        fitted = point.linear[:, 0].T[:, None] @ columns[:, :-1]
        residual: Array = self.y - fitted[:, 0]
        return residual

    def _columns(self, theta: Sequence[Array], slopes: bool) -> Array:
        """Return terms, target and, with slopes, derivatives, all weighted, [S, G, :, N]."""
        shape = theta[0].shape if theta else (1, len(self.y))
        count, first = len(self.trees), 0
        width = count + 1 + (len(theta) if slopes else 0)
        columns = np.empty((*shape, width, self.y.shape[-1]))
        for k, tree in enumerate(self.trees):
            own = [x[..., None] for x in theta[first : first + len(tree.constants)]]
            found = evaluate(tree, self.inputs, own, slopes)
            np.multiply(found.value, self.root, out=columns[:, :, k])
            for p, d in found.slopes.items():
                np.multiply(d, self.root, out=columns[:, :, count + 1 + first + p])
            first += len(own)
        np.multiply(self.y, self.root, out=columns[:, :, count])
        return columns

    @cached_property
    def _bound(self) -> Array:
        return np.array([_SIGN[term.sign] for term in self.form.terms])


def _prepare(form: Form, inputs: Mapping[str, Array], y: Array, w: Array) -> _Task:
    """Evaluate once what no constant changes; it becomes a variable of its own."""
    known: dict[str, Array] = {}
    names: dict[str, str] = {}

    def fold(tree: Tree) -> Tree:
        if tree.args and not tree.constants and tree.variables:
            if tree.text not in names:
                names[tree.text] = f"_{len(names)}"
                known[names[tree.text]] = evaluate(tree, inputs, (), False).value
            return Tree(names[tree.text])
        if tree.op == "pow" and not tree.args[0].constants:
            # The same value by the same steps, with the logarithm taken once.
            return Tree("exp", (Tree("*", (fold(Tree("log", tree.args[:1])), fold(tree.args[1]))),))
        return Tree(tree.op, tuple(map(fold, tree.args)))

    trees = tuple(fold(term.tree) for term in form.terms)
    used = frozenset[str]().union(*(tree.variables for tree in trees))
    kept = {name: x for name, x in {**inputs, **known}.items() if name in used}
    return _Task(form, trees, kept, y, np.sqrt(w))


def _descend(task: _Task, point: _Point, steps: int, shared: bool) -> _Point:
    """Take Levenberg-Marquardt steps; a step that does not lower the cost is not taken.

    A start that has settled stays where it is, so that none depends on how long others take.
    """
    low, high = (
        np.array([_BOUND[kind][side] for kind in task.form.constants])[:, None, None]
        for side in (0, 1)
    )
    found, where = point, np.arange(point.cost.shape[1])
    damping = np.full(point.cost.shape, _FIRST)
    settled = np.zeros(point.cost.shape, dtype=bool)
    for _ in range(steps):
        normal, gradient, before = point.normal, point.gradient, point.cost
        if shared:
            normal, gradient, before = (_sum_groups(x) for x in (normal, gradient, before))
        step = _step(normal, gradient, damping)
        tried = task.solve(np.minimum(np.maximum(point.u + step, low), high))
        after = _sum_groups(tried.cost) if shared else tried.cost
        better = (after < before) & ~settled
        promised = np.abs(step * gradient).sum(axis=0)
        settled |= (np.where(better, before - after, promised) <= _GAIN * before) | (
            damping > _STUCK
        )
        damping = np.where(better, np.maximum(damping * _DOWN, 1e-9), damping * _UP)
        point = _mix(point, tried, better)
        left = np.flatnonzero(~settled.all(axis=0))
        if 2 * len(left) <= len(where):
            found = _place(found, point, where)
            if not len(left):
                return found
            where, task = where[left], task.at(left)
            damping, settled = damping[:, left], settled[:, left]
            point = point.at(left)
    return _place(found, point, where)


def _step(normal: Array, gradient: Array, damping: Array) -> Array:
    """Return the damped step, none longer than may be trusted."""
    system = normal.copy()
    for p in range(len(system)):
        diagonal = np.maximum(system[p, p], 0.0)
        system[p, p] = diagonal * (1.0 + damping) + 1e-14
    step = -solve(system, gradient)
    if not np.isfinite(step).all():
        step = np.nan_to_num(step, nan=0.0, posinf=_STEP, neginf=-_STEP)
    return np.minimum(np.maximum(step, -_STEP), _STEP)


def _sum_groups(x: Array) -> Array:
    return np.broadcast_to(x.sum(axis=-1, keepdims=True), x.shape)


def _search(task: _Task, starts: Array, shared: bool) -> _Point:
    """Follow the best starts [P, S] for a while, then the best of them to the end; [1, G]."""
    u = np.repeat(starts[..., None], len(task.y), axis=-1)
    order = _order(task.solve(u, slopes=False).cost, shared)[:KEPT]
    point = _descend(task, task.solve(np.take_along_axis(u, order[None], axis=1)), SHORT, shared)
    best = _order(point.cost, shared)[0]
    return _descend(task, point.of(best), LONG, shared)


def _order(cost: Array, shared: bool) -> npt.NDArray[np.intp]:
    if shared:
        cost = _sum_groups(cost)
    return np.argsort(cost, axis=0, kind="stable")


def _mix(old: _Point, new: _Point, better: npt.NDArray[np.bool_]) -> _Point:
    if better.all():
        return new
    pairs = ((getattr(old, f.name), getattr(new, f.name)) for f in fields(old))
    return _Point(*(np.where(better, b, a) for a, b in pairs))


def _place(whole: _Point, part: _Point, where: npt.NDArray[np.intp]) -> _Point:
    """Return the whole with the part put in the place of some groups."""
    if len(where) == whole.cost.shape[1]:
        return part
    pairs = ((getattr(whole, f.name).copy(), getattr(part, f.name)) for f in fields(whole))
    arrays = []
    for a, b in pairs:
        a[..., where] = b
        arrays.append(a)
    return _Point(*arrays)


def _reweigh(w: Array, residual: Array) -> Array:
    """Return Huber's weights, its width 1.345 standard deviations by the median of residuals."""
    size = np.where(w > 0, np.abs(residual), np.nan)
    width = 1.345 * 1.4826 * np.nanmedian(size, axis=-1, keepdims=True)
    share: Array = np.maximum(width, 1e-12) / np.maximum(np.abs(residual), 1e-300)
    return w * np.minimum(1.0, share)


def _finish(form: Form, point: _Point) -> Constants:
    natural = [x[0] for x in _natural(form.constants, point.u)]
    groups = point.cost.shape[1]
    nonlinear = np.stack(natural, axis=-1) if natural else np.zeros((groups, 0))
    return Constants(point.linear[:, 0].T, nonlinear, point.cost[0])


def _natural(kinds: Sequence[str], u: Array) -> list[Array]:
    return [u[p] if kind == "?r" else np.exp(u[p]) for p, kind in enumerate(kinds)]


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
    """Return the starts [P, S] in log space."""
    low = np.array([_START[kind][0] for kind in kinds])
    high = np.array([_START[kind][1] for kind in kinds])
    starts: Array = low + np.array(_unit(len(kinds))) * (high - low)
    return starts.T
