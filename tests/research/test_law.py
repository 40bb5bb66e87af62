from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ratchet.cli import main
from ratchet.core.errors import ConfigError
from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.human import HUMAN
from ratchet.research.scaling_laws.law import (
    Law,
    describe_law,
    fit_law,
    predict_file,
    read_law,
    write_law,
)
from ratchet.research.scaling_laws.render import algebra, latex
from ratchet.research.scaling_laws.solver import LawSolver
from ratchet.research.scaling_laws.table import Table, read_table
from ratchet.research.scaling_laws.tasks import TASKS

LINES = [("stack", 2.0e9, 8.0), ("pile", 1.0e9, 2.0), ("pile", 3.0e9, 8.0)]


@pytest.fixture
def law(parallel: Table) -> Law:
    return fit_law(HUMAN["parallel"], parallel, {"r2": 0.99})


def rows_file(path: Path, lines: list[tuple[str, float, float]] = LINES) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["parallel_size", "group", "num_params"])
        writer.writerows([[p, group, n] for group, n, p in lines])
    return path


def test_a_law_predicts_rows_it_never_saw_in_their_order(law: Law, tmp_path: Path) -> None:
    write_law(tmp_path / "LAW.json", describe_law(law))
    out = tmp_path / "out.csv"
    predict_file(tmp_path / "LAW.json", rows_file(tmp_path / "rows.csv"), out)
    with out.open() as file:
        found = list(csv.DictReader(file))
    for line, (group, n, p) in zip(found, LINES, strict=True):
        low = 1.2 if group == "pile" else 0.7
        truth = low + 0.9 * (n / 1e9 * (1 + 0.4 * np.log(p))) ** -0.3
        assert set(line) == {"loss"}
        assert float(line["loss"]) == pytest.approx(truth, abs=1e-5)


def test_the_command_predicts(law: Law, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_law(tmp_path / "LAW.json", describe_law(law))
    rows, out = rows_file(tmp_path / "rows.csv"), tmp_path / "out.csv"
    words = ["laws", "predict", str(tmp_path / "LAW.json"), "--rows", str(rows), "--out", str(out)]
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 3
    assert len(out.read_text().splitlines()) == 4


def test_rows_of_an_unknown_group_are_an_error(law: Law, tmp_path: Path) -> None:
    write_law(tmp_path / "LAW.json", describe_law(law))
    rows = rows_file(tmp_path / "rows.csv", [("web", 1e9, 8.0)])
    with pytest.raises(ConfigError, match="no constants for group 'web'"):
        predict_file(tmp_path / "LAW.json", rows, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("text", ["", "{}", '{"law": {"task": "parallel"}}', "[]"])
def test_what_is_no_law_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "LAW.json").write_text(text)
    with pytest.raises(ConfigError, match="is not a law"):
        read_law(tmp_path / "LAW.json")


def test_constants_that_do_not_fit_the_form_are_an_error(law: Law, tmp_path: Path) -> None:
    short = tuple(replace(c, nonlinear=c.nonlinear[:1]) for c in law.constants)
    write_law(tmp_path / "LAW.json", describe_law(replace(law, constants=short)))
    with pytest.raises(ConfigError, match="do not fit the form"):
        read_law(tmp_path / "LAW.json")


def test_the_solver_answers_each_row_as_the_law_does(law: Law, parallel: Table) -> None:
    prompts = [
        f"row {i}: num_params = {float(parallel.inputs['n'][i]) * 1e9!r}; "
        f"parallel_size = {float(parallel.inputs['p'][i])!r}; group = {parallel.groups[i]}"
        for i in range(len(parallel))
    ]
    answers = LawSolver(law).answer([*prompts, "", "row 3: num_params = x"], Seed(1))
    whole = law.predict(parallel)[:, 0]
    assert np.allclose([float(a) for a in answers[:-2]], whole, rtol=0, atol=1e-9)
    assert list(answers[-2:]) == ["", ""]


def test_algebra_and_latex_are_readable() -> None:
    assert algebra(HUMAN["parallel"]) == "y = b0 + b1 (n (1 + a1 log(p)))^(-a2)"
    assert latex(HUMAN["sft"]) == r"y = b_{0} + b_{1} \, \frac{1}{\left(a_{1} + {d}^{a_{2}}\right)}"


def test_the_law_as_a_module_says_the_same(tmp_path: Path) -> None:
    """Also where data are not repeated, and beyond what was fitted."""
    task, rng = TASKS["data_constrained"], np.random.default_rng(1)
    inputs = {
        name: np.exp(rng.uniform(*span, 40))
        for name, span in {"u": (0, 2), "n": (-4, 3), "d": (0, 5)}.items()
    }
    y = 2 + inputs["n"] ** -0.3 + inputs["d"] ** -0.3
    table = Table(task, ("all",) * 40, inputs, y[:, None])
    law = fit_law(HUMAN["data_constrained"], table, {})
    assert (inputs["n"] < 0.05 * inputs["u"]).any()
    rows = [
        {v.column: float(inputs[name][i]) * v.unit for name, v in task.variables.items()}
        for i in range(40)
    ]
    (tmp_path / "law.py").write_text(describe_law(law)["python"])
    asked = f"import law; print([law.predict(row) for row in {rows!r}])"
    told = subprocess.run(
        [sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(told.stdout) == pytest.approx(law.predict(table)[:, 0].tolist(), rel=1e-9)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("group,parallel_size\npile,1\n", "no column num_params"),
        ("num_params,parallel_size,loss\n", "has no rows"),
        ("num_params,parallel_size,loss\n1,2,nan\n", "row 1 has 'nan' under loss"),
        ("num_params,parallel_size,loss\n1,two,3\n", "row 1 has 'two' under parallel_size"),
    ],
)
def test_bad_tables_are_errors_that_name_the_place(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ConfigError, match=problem):
        read_table(tmp_path / "t.csv", TASKS["parallel"])


def test_the_name_of_a_single_group_does_not_matter(parallel: Table) -> None:
    one = parallel.at(range(27))
    law = fit_law(HUMAN["parallel"], one, {})
    renamed = replace(one, groups=("all_data",) * 27)
    assert (law.predict(renamed) == law.predict(one)).all()
