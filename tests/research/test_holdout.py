from __future__ import annotations

import numpy as np
import pytest

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.division import divide
from ratchet.research.scaling_laws.holdout import make_folds, next_scale
from ratchet.research.scaling_laws.metrics import measure
from ratchet.research.scaling_laws.table import Table
from ratchet.research.scaling_laws.tasks import TASKS


def test_each_fold_predicts_a_larger_scale_than_it_is_fitted_to(sft: Table) -> None:
    folds = make_folds(sft, Seed(1))
    d = sft.inputs["d"]
    assert len(folds) == 3
    for fold in folds:
        assert d[fold.train].max() < d[fold.held].min()
        assert len(np.unique(d[fold.held])) == 1
    assert d[folds[0].held][0] == d.max() and d[folds[1].held][0] == d.max() / 2
    assert sum(f.weight for f in folds) == pytest.approx(1.0)
    assert folds[0].weight > folds[1].weight > folds[2].weight


def test_the_next_fold_has_never_seen_what_the_one_before_held_out(sft: Table) -> None:
    first, second, _ = make_folds(sft, Seed(1))
    assert not set(first.held) & set(second.train)


def test_a_fold_that_is_unlike_the_test_is_left_out() -> None:
    """Below three scales nothing can be extrapolated, and half of the rows is another problem."""
    x, n = (v.ravel() for v in np.meshgrid(np.arange(1.0, 13.0), [1.0, 2.0, 4.0, 8.0]))
    table = Table(TASKS["moe"], ("all",) * 48, {"x": x, "n": n}, n[:, None])
    assert [set(table.inputs["n"][f.held]) for f in make_folds(table, Seed(1))] == [{8.0}]
    more = np.r_[np.arange(48), 48 + np.flatnonzero(n == 8)]
    x, n = np.r_[x, x], np.r_[n, 2 * n]
    wider = Table(TASKS["moe"], ("all",) * 96, {"x": x, "n": n}, n[:, None]).at(more)
    assert [set(wider.inputs["n"][f.held]) for f in make_folds(wider, Seed(1))] == [{16.0}, {8.0}]
    assert all(fold.determined for fold in make_folds(wider, Seed(1)))
    few = table.at(np.flatnonzero(n[:48] > 2))
    assert [fold.determined for fold in make_folds(few, Seed(1))] == [False], "kept all the same"
    f = np.arange(40.0)
    one = Table(TASKS["easy_question"], ("a",) * 40, {"f": f}, -np.ones((40, 1)))
    assert [len(fold.train) for fold in make_folds(one, Seed(1))] == [30, 22], "next are 16 of 40"


def test_the_next_scale_is_one_step_beyond_and_has_no_targets(sft: Table, parallel: Table) -> None:
    for table, axis in ((sft, "d"), (parallel, "p")):
        far = next_scale(table)
        values = np.unique(table.inputs[axis])
        assert far.inputs[axis].max() == values[-1] ** 2 / values[-2]
        assert far.inputs[axis].min() > values[len(values) // 2]
        assert np.isnan(far.targets).all() and set(far.groups) == set(table.groups)


def test_mixtures_are_held_out_whole() -> None:
    rng = np.random.default_rng(0)
    mixtures = np.tile(rng.dirichlet(np.ones(5), 12), (3, 1))
    inputs = {f"r{i + 1}": mixtures[:, i] for i in range(5)}
    groups = tuple(g for g in "abc" for _ in range(12))
    table = Table(TASKS["domain_mixture"], groups, inputs, rng.normal(size=(36, 5)))
    for fold in make_folds(table, Seed(1)):
        train = {tuple(m) for m in mixtures[fold.train]}
        assert train.isdisjoint(tuple(m) for m in mixtures[fold.held])
        assert set(np.array(groups)[fold.held]) == set("abc")


def test_a_share_of_each_group_lies_beyond_the_rest_of_it() -> None:
    f = np.concatenate([np.linspace(-1, 1, 20), np.linspace(0, 2, 30)])
    groups = ("a",) * 20 + ("b",) * 30
    table = Table(TASKS["easy_question"], groups, {"f": f}, -np.ones((50, 1)))
    fold = make_folds(table, Seed(1))[0]
    for name in "ab":
        own = np.array(groups) == name
        train, held = own[fold.train], own[fold.held]
        assert f[fold.train][train].max() < f[fold.held][held].min()


def test_the_second_largest_of_any_axis_is_held_out() -> None:
    n, d = (x.ravel() for x in np.meshgrid([1.0, 2.0, 4.0, 8.0], np.arange(1.0, 14.0)))
    inputs = {"u": d, "n": n, "d": d}
    table = Table(TASKS["data_constrained"], ("all",) * 52, inputs, n[:, None])
    fold = make_folds(table, Seed(1))[0]
    assert set(fold.held) == set(np.flatnonzero((n >= 4) | (d >= 12)))


def test_the_largest_in_both_is_held_out_even_if_it_has_one_value_of_the_second() -> None:
    n, d = (x.ravel() for x in np.meshgrid([1.0, 2.0, 4.0], np.arange(1.0, 41.0)))
    inputs = {"l": d, "b": d, "d": d, "n": n}
    table = Table(TASKS["lr_bsz_variant"], ("all",) * 120, inputs, n[:, None])
    fold = make_folds(table, Seed(1))[0]
    assert fold.held.tolist() == np.flatnonzero((n == 4) & (d == 40)).tolist()
    few = table.at(np.flatnonzero((n < 4) | (d == 7)))
    fold = make_folds(few, Seed(1))[0]
    assert few.inputs["n"][fold.held].tolist() == [4.0]


def test_a_division_seals_rows_of_the_largest_scale_only(sft: Table, parallel: Table) -> None:
    for table, axis in ((sft, "d"), (parallel, "p")):
        parts = divide(table, Seed(1))
        sealed = [*parts.gate, *parts.audit, *parts.final]
        assert len(set(sealed)) == len(sealed)
        assert sorted([*sealed, *parts.open]) == list(range(len(table)))
        x = table.inputs[axis]
        assert (x[sealed] == x.max()).all()
        assert (x[list(parts.open)] == x.max()).any(), "the search needs some of them"
        assert divide(table, Seed(1)) == parts != divide(table, Seed(2))


def test_the_official_metrics_by_hand() -> None:
    y = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 8.0]])
    p = np.array([[1.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    # Target 1: MSE 1/3, variance 8/3. Target 2: MSE 3, variance 26/3.
    found = measure(y, p, ("a", "a", "b"))
    assert found.nmse == pytest.approx(((1 / 3) / (8 / 3) + 3 / (26 / 3)) / 2)
    assert found.nmae == pytest.approx(((1 / 3) / (4 / 3) + 1.0 / (8 / 3)) / 2)
    assert found.r2 == 1 - found.nmse
    assert measure(y, y * np.nan, "aab").r2 == -1 == measure(y, y + 1e9, "aab").r2
