"""Inner hold-outs that mimic a task's hidden split: the largest scale is predicted from the rest.

Fold 0 holds out the largest values, fold 1 the next and drops those above, and so on: each fold is
the situation at test, one step earlier, as long as enough is left to be like it. Only rows that are
given are ever used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.table import Table

SHARE = 0.25
"""Share of a group's rows that a fold of split ``share`` holds out."""
SCALES, LEAST = 3, 0.5
"""What a fold is fitted to: at least so many values of each variable that is extrapolated, since
fewer do not determine a power and its floor, and so large a share of all rows. The first fold is
kept all the same: it is all there is."""


FURTHEST, LEVEL_STEP = 0.2, 0.5
"""Share of the rows that `next_scale` moves, and by how much a level moves."""


@dataclass(frozen=True)
class Fold:
    """Rows to fit to, and rows to predict."""

    train: npt.NDArray[np.intp]
    """Row numbers."""
    held: npt.NDArray[np.intp]
    """Row numbers."""
    weight: float
    """Its share of the score; nearer to the hidden rows counts more."""
    determined: bool
    """Whether it has what a fold is fitted to, see `SCALES`."""


def make_folds(table: Table, seed: Seed) -> list[Fold]:
    """Return the folds of a table, the nearest to the hidden rows first; weights sum to 1."""
    found = list(_mixtures(table, seed) if table.task.split == "mixtures" else _nested(table))
    flat = table.task.split == "mixtures"
    weights = np.array([1.0 if flat else 0.6**i for i in range(len(found))])
    weights = weights / weights.sum()
    return [
        Fold(t, h, float(w), _determines(table, t))
        for (t, h), w in zip(found, weights, strict=True)
    ]


def _determines(table: Table, rows: npt.NDArray[np.intp]) -> bool:
    scales = [len(np.unique(table.inputs[name][rows])) for name in table.task.beyond]
    return min(scales, default=SCALES) >= SCALES and len(rows) >= LEAST * len(table)


Pair = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


def _nested(table: Table) -> Iterator[Pair]:
    left = np.arange(len(table))
    for number in range(table.task.folds):
        held = _largest(table, left)
        rest = np.setdiff1d(left, held)
        if len(held) == 0 or len(rest) < 2 * table.task.cap:
            return
        if number and not _determines(table, rest):
            return
        yield rest, held
        left = rest


def _largest(table: Table, left: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the rows, of those left, that lie furthest out."""
    task = table.task
    if task.split == "share":
        (name,) = task.beyond
        names = np.array(table.groups)[left]
        held = []
        for group in dict.fromkeys(names):
            own = left[names == group]
            order = np.argsort(table.inputs[name][own], kind="stable")
            held.append(own[order[len(own) - max(1, round(SHARE * len(own))) :]])
        return np.sort(np.concatenate(held))
    large: list[npt.NDArray[np.bool_]] = []
    for name in task.beyond:
        x = table.inputs[name][left]
        if task.split == "all" and large:
            # Largest of the second variable among the rows that are largest in the first.
            x = np.where(large[0], x, -np.inf)
        values = np.unique(x[np.isfinite(x)])
        width = min(task.width, len(values) - 1)
        # The largest in the first variable may have one value of the second: then all are held out.
        alone = large[0] if task.split == "all" and large else np.zeros(len(x), dtype=bool)
        large.append(x >= values[-width] if width else alone)
    chosen = large[-1] if task.split == "all" else np.logical_or.reduce(large)
    kept: npt.NDArray[np.intp] = left[chosen]
    return kept


def _mixtures(table: Table, seed: Seed) -> Iterator[Pair]:
    """Hold out whole mixtures, so that no group has seen them."""
    columns = np.stack([table.inputs[name] for name in table.task.variables], axis=1)
    _, which = np.unique(columns.round(9), axis=0, return_inverse=True)
    which = which.ravel()
    order = seed.child("folds").rng().permutation(which.max() + 1)
    for fold in np.array_split(order, table.task.folds):
        held = np.isin(which, fold)
        if held.any() and not held.all():
            yield np.flatnonzero(~held), np.flatnonzero(held)


def next_scale(table: Table) -> Table:
    """Return the rows furthest out, moved to the next scale; all rows as they are where the hidden
    ones are other mixtures. Nothing is measured there: it is where predictions are compared."""
    task = table.task
    if not task.beyond:
        return table
    position = table.scatter(table.rows.position)[:, 0]
    far = table.at(np.flatnonzero(position >= np.quantile(position, 1.0 - FURTHEST)))
    inputs = dict(far.inputs)
    for name in task.beyond:
        values = np.unique(table.inputs[name])
        if task.variables[name].kind == "level":
            inputs[name] = inputs[name] + LEVEL_STEP
        elif len(values) > 1:
            inputs[name] = inputs[name] * values[-1] / values[-2]
    return replace(far, inputs=inputs, targets=np.full(far.targets.shape, np.nan))
