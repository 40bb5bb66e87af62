from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import curve_fit

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.fit import (
    LONG,
    _descend,
    _prepare,
    _starts,
    fit,
    predict,
)
from ratchet.research.scaling_laws.form import parse_form
from ratchet.research.scaling_laws.human import HUMAN
from ratchet.research.scaling_laws.synthetic import HIDDEN, HiddenLaw, make_table, recovers
from ratchet.research.scaling_laws.table import Table
from ratchet.research.scaling_laws.tasks import TASKS


@pytest.mark.parametrize("law", HIDDEN, ids=lambda law: law.name)
def test_the_true_form_is_fitted_exactly_without_noise(law: HiddenLaw) -> None:
    assert recovers(law.form, law)


def test_a_fit_is_as_good_as_curve_fit_from_the_truth(sft: Table) -> None:
    form = HUMAN["sft"]
    ours = fit(form, sft.rows)
    rows = sft.rows

    def law(d: np.ndarray, low: float, drop: float, scale: float, power: float) -> np.ndarray:
        return np.asarray(low + drop / (scale + d**power))

    for g in range(6):
        x, y = rows.inputs["d"][g], rows.target[g]
        best, _ = curve_fit(law, x, y, p0=(1 + g / 5, 0.6, 0.3, 0.4), maxfev=20_000)
        theirs = float(np.mean((y - law(x, *best)) ** 2))
        assert ours.cost[g] <= theirs * 1.02


def test_groups_do_not_touch_each_other_unless_they_are_pooled(sft: Table) -> None:
    form = HUMAN["sft"]
    alone = fit(form, sft.at(np.arange(12)).rows)
    together = fit(form, sft.rows)
    assert np.allclose(alone.linear[0], together.linear[0], rtol=1e-9)
    assert np.allclose(alone.nonlinear[0], together.nonlinear[0], rtol=1e-9)
    shared = replace(form, fitter=replace(form.fitter, pool="shared"))
    common = fit(shared, sft.rows).nonlinear
    assert np.allclose(common, common[0])
    shrunk = replace(form, fitter=replace(form.fitter, pool="shrunk"))
    drawn = np.log(fit(shrunk, sft.rows).nonlinear).std(axis=0)
    assert (drawn < np.log(together.nonlinear).std(axis=0)).all() and (drawn > 0).any()


def test_how_long_others_take_changes_nothing() -> None:
    """Groups settle at different steps; each ends where it would end alone, to the last digits."""
    rng = Seed(1).rng()
    d = 200.0 * 2.0 ** np.arange(12) / 1e4
    low, scale, power = (rng.uniform(0.2, 2.0, (16, 1)) for _ in range(3))
    y = low + 1.0 / (scale + d**power) + 0.01 * rng.normal(size=(16, 12))
    names = tuple(f"model {g}" for g in range(16) for _ in d)
    table = Table(TASKS["sft"], names, {"d": np.tile(d, 16)}, y.reshape(-1, 1))
    form = HUMAN["sft"]
    together = fit(form, table.rows)
    for g in range(16):
        alone = fit(form, table.at(np.arange(12 * g, 12 * g + 12)).rows)
        assert np.allclose(alone.nonlinear[0], together.nonlinear[g], rtol=1e-9)
        assert alone.cost[0] == pytest.approx(together.cost[g], rel=1e-9)


def test_a_start_that_has_settled_stays_where_it_is() -> None:
    """Of sixteen starts on one table some settle early; the others' steps must not move them."""
    table = make_table(HIDDEN[4], 0.01, Seed(1))
    form, rows = HIDDEN[4].form, table.rows
    task = _prepare(form, rows.inputs, rows.target, rows.weight / rows.weight.sum())
    starts = _starts(form.constants)[..., None]
    whole = _descend(task, task.solve(starts), LONG, False)
    counts = []
    for s in range(starts.shape[1]):
        alone = _descend(task, task.solve(starts[:, s : s + 1]), LONG, False)
        assert np.allclose(alone.u[:, 0], whole.u[:, s], rtol=1e-11, atol=1e-11)
        short = _descend(task, task.solve(starts[:, s : s + 1]), LONG // 2, False)
        counts.append(bool((short.u == alone.u).all()))
    assert any(counts) and not all(counts), "some settle in half the steps, some do not"


def test_signs_bound_the_coefficients() -> None:
    law = HIDDEN[1]
    rows = make_table(law, 0.0, Seed(1)).rows
    wrong = parse_form("(law id mse 0 own (+ 1) (- (pow n (neg ?e))))")
    found = fit(wrong, rows)
    assert (found.linear[:, 0] >= 0).all() and (found.linear[:, 1] <= 0).all()
    free = parse_form("(law id mse 0 own (~ 1) (~ (pow n (neg ?e))))")
    assert fit(free, rows).linear[0, 1] > 0


def test_huber_forgets_an_outlier() -> None:
    table = make_table(HIDDEN[1], 0.001, Seed(1))
    targets = table.targets.copy()
    targets[5] += 50.0
    spoilt = Table(table.task, table.groups, table.inputs, targets)
    errors = {}
    for loss in ("mse", "huber"):
        form = parse_form(f"(law id {loss} 0 own (+ 1) (+ (pow n (neg ?e))))")
        predicted = table.scatter(predict(form, fit(form, spoilt.rows), table.rows.inputs))
        errors[loss] = float(np.abs(predicted - table.targets)[10:].mean())
    assert errors["huber"] < errors["mse"] / 10


def test_focus_fits_the_largest_scale_better() -> None:
    table = make_table(HIDDEN[4], 0.0, Seed(1))
    errors = {}
    for focus in (0, 4):
        form = parse_form(f"(law id mse {focus} own (~ 1) (- (log n)))")
        predicted = table.scatter(predict(form, fit(form, table.rows), table.rows.inputs))
        errors[focus] = float(np.abs(predicted - table.targets)[-8:].mean())
    assert errors[4] < errors[0] / 2


def test_a_fit_is_repeated_bit_for_bit(sft: Table) -> None:
    first, second = fit(HUMAN["sft"], sft.rows), fit(HUMAN["sft"], sft.rows)
    assert (first.linear == second.linear).all() and (first.nonlinear == second.nonlinear).all()


def test_rows_held_out_have_no_weight(sft: Table) -> None:
    mask = sft.rows.position < 1.0
    spoilt = replace(sft.rows, target=np.where(mask, sft.rows.target, 1e6)).only(mask)
    clean = sft.at(np.flatnonzero(sft.inputs["d"] < sft.inputs["d"].max()))
    assert np.allclose(
        fit(HUMAN["sft"], spoilt).linear, fit(HUMAN["sft"], clean.rows).linear, rtol=1e-6
    )
