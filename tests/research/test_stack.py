from __future__ import annotations

import numpy as np
import pytest

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.fit import fit
from ratchet.research.scaling_laws.form import parse_form
from ratchet.research.scaling_laws.holdout import make_folds
from ratchet.research.scaling_laws.stack import fit_all, stack
from ratchet.research.scaling_laws.synthetic import HIDDEN, make_table
from ratchet.research.scaling_laws.table import Table


@pytest.mark.parametrize(
    "settings", ["id mse 0 own", "log mse 0 own", "id huber 2 own", "id mse 4 shrunk"]
)
def test_tables_fitted_together_are_fitted_as_each_alone(sft: Table, settings: str) -> None:
    form = parse_form(f"(law {settings} (+ 1) (+ (/ 1 (+ ?s (pow d ?e)))))")
    parts = [sft, *(sft.at(fold.train) for fold in make_folds(sft, Seed(1)))]
    together = fit_all(form, [part.rows for part in parts])
    for part, found in zip(parts, together, strict=True):
        alone = fit(form, part.rows)
        assert np.allclose(found.linear, alone.linear, rtol=1e-7)
        assert np.allclose(found.nonlinear, alone.nonlinear, rtol=1e-7)
        assert np.allclose(found.cost, alone.cost, rtol=1e-7)


def test_padding_has_no_weight_and_every_table_keeps_its_groups() -> None:
    table = make_table(HIDDEN[6], 0.01, Seed(1))
    parts = [table, table.at(np.arange(60))]
    joined = stack([part.rows for part in parts])
    assert joined.target.shape == (2, len(table))
    assert joined.weight.sum(axis=1).tolist() == [float(len(table)), 60.0]
    assert (joined.inputs["n"][1, :60] == table.inputs["n"][:60]).all()
