"""What a law must be, whatever its error: finite, monotone and bounded where that is declared, and
a function of each row alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ratchet.research.scaling_laws.expression import Array
from ratchet.research.scaling_laws.fit import Constants, predict
from ratchet.research.scaling_laws.form import Form
from ratchet.research.scaling_laws.table import Table

FACTORS = (1.0, 1.5, 2.0, 4.0, 8.0)
"""How far beyond the largest scale seen a law is followed, sizes by factor."""
STEPS = (0.0, 0.25, 0.5, 1.0, 1.5)
"""The same for levels, in their units."""
AGREEMENT = 1e-9
"""How closely rows scored one by one and in shuffled batches must agree, by the target's size."""
_SLACK = 0.02
"""Share of the target's spread by which a law may break monotony, for the sake of noise."""


def check_physics(form: Form, constants: Constants, table: Table) -> str:
    """Return what a fitted law breaks: ``not_finite``, ``not_monotone``, ``out_of_limits``,
    ``stands_still``, or nothing."""
    rows, task = table.rows, table.task
    real = rows.weight > 0
    spread = float(np.std(rows.target[real]))
    if not np.isfinite(predict(form, constants, rows.inputs)[real]).all():
        return "not_finite"
    own = task.own
    for name, variable in task.variables.items():
        if not (variable.falls or variable.rises) or own:
            continue
        if name not in form.variables:
            if task.closes:
                return "stands_still"
            continue
        paths = _follow(form, constants, rows.inputs, real, name, variable.kind == "level")
        if not np.isfinite(paths).all():
            return "not_finite"
        change = np.diff(paths, axis=0)
        worst = change.max(axis=0) if variable.falls else -change.min(axis=0)
        if (worst > _SLACK * spread).any():
            return "not_monotone"
        if task.limits is not None:
            low, high = task.limits
            if (paths < low - _SLACK).any() or (paths > high + _SLACK).any():
                return "out_of_limits"
            gap = high - paths
            if (gap[-1] > np.maximum((1.0 - task.closes) * gap[0], _SLACK)).any():
                return "stands_still"
    return ""


def _follow(
    form: Form,
    constants: Constants,
    inputs: Mapping[str, Array],
    real: npt.NDArray[np.bool_],
    name: str,
    level: bool,
) -> Array:
    """Return predictions [step, cell] while one variable grows beyond its largest value.

    The other variables stand at the row in which the variable is largest.
    """
    x = np.where(real, inputs[name], -np.inf)
    at = x.argmax(axis=1)
    cells = np.arange(len(at))
    base = {key: value[cells, at][:, None] for key, value in inputs.items()}
    path = []
    for factor, step in zip(FACTORS, STEPS, strict=True):
        moved = base[name] + step if level else base[name] * factor
        path.append(predict(form, constants, {**base, name: moved})[:, 0])
    return np.stack(path)


def depends_on_batch(
    predict_rows: Callable[[npt.NDArray[np.intp]], npt.NDArray[np.floating[Any]]],
    count: int,
    rng: np.random.Generator,
) -> bool:
    """Say whether a row's prediction depends on the rows it is scored with.

    ``predict_rows`` takes row numbers and returns [n, T]. All rows together are compared with the
    same rows in another order, in halves, and one by one.
    """
    whole = predict_rows(np.arange(count))
    scale = np.maximum(np.abs(whole).max(initial=0.0), 1.0)
    order = rng.permutation(count)
    half = order[: max(1, count // 2)]
    picks = [order, half, *(np.array([i]) for i in order[: min(count, 8)])]
    return any(
        not np.allclose(predict_rows(pick), whole[pick], rtol=0, atol=AGREEMENT * scale)
        for pick in picks
    )
