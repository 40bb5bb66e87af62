"""The plain fitting routine: what SciPy's BFGS finds from the same start."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from bench.bfgs import fit_plain
from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.fit import fit, predict
from ratchet.research.scaling_laws.form import parse_form
from ratchet.research.scaling_laws.synthetic import HIDDEN, make_table
from tests.research.conftest import make_parallel


def test_it_ends_where_scipy_ends() -> None:
    table = make_table(HIDDEN[1], 0.01, Seed(1))
    n, y = table.inputs["n"], table.targets[:, 0]

    def cost(x: np.ndarray) -> float:
        return float(np.mean((x[0] + x[1] * n ** -abs(x[2]) - y) ** 2))

    theirs = minimize(cost, np.ones(3), method="BFGS")
    (ours,) = fit_plain(HIDDEN[1].form, [table.rows])
    assert ours.cost[0] == pytest.approx(theirs.fun, rel=1e-3)
    found = [*ours.linear[0], *ours.nonlinear[0]]
    assert found == pytest.approx(theirs.x, rel=2e-2)
    predicted = table.scatter(predict(HIDDEN[1].form, ours, table.rows.inputs))
    assert np.mean((predicted - table.targets) ** 2) == pytest.approx(ours.cost[0])


def test_groups_are_fitted_one_by_one_and_never_better_than_by_the_engine() -> None:
    table = make_parallel()
    form = parse_form("(law id mse 0 own (~ 1) (~ (pow n (neg ?e))) (~ (log p)))")
    (together,) = fit_plain(form, [table.rows])
    alone = [fit_plain(form, [table.at(rows).rows])[0] for rows in np.split(np.arange(54), 2)]
    assert np.allclose(together.cost, [part.cost[0] for part in alone], rtol=1e-3)
    assert (fit(form, table.rows).cost <= together.cost * 1.001).all()
