"""One form fitted to several tables at once, such as the folds of a hold-out.

A fit is many short array operations, so four tables side by side take hardly longer than one.
Groups do not touch each other unless their constants are pooled; then the tables are fitted one
after another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ratchet.research.scaling_laws.expression import Array
from ratchet.research.scaling_laws.fit import Constants, Rows, fit
from ratchet.research.scaling_laws.form import Form


def fit_all(form: Form, tables: Sequence[Rows]) -> list[Constants]:
    """Fit a form to each table by itself."""
    counts = [len(rows.target) for rows in tables]
    pooled = form.fitter.pool != "own" and max(counts) > 1
    if len(tables) == 1 or pooled:
        return [fit(form, rows) for rows in tables]
    found = fit(form, stack(tables))
    ends = np.cumsum(counts)
    return [
        Constants(found.linear[a:b], found.nonlinear[a:b], found.cost[a:b])
        for a, b in zip(ends - counts, ends, strict=True)
    ]


def stack(tables: Sequence[Rows]) -> Rows:
    """Return the groups of all tables as those of one, the shorter ones padded."""
    width = max(rows.target.shape[1] for rows in tables)

    def join(arrays: Sequence[Array], mode: str) -> Array:
        sides = [((0, 0), (0, width - a.shape[1])) for a in arrays]
        padded = [np.pad(a, s, mode=mode) for a, s in zip(arrays, sides, strict=True)]  # type: ignore[call-overload]
        return np.concatenate(padded)

    names = tables[0].inputs
    return Rows(
        {name: join([rows.inputs[name] for rows in tables], "edge") for name in names},
        join([rows.target for rows in tables], "edge"),
        join([rows.weight for rows in tables], "constant"),
        join([rows.position for rows in tables], "edge"),
    )
