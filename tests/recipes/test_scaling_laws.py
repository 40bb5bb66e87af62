"""The recipe whole, on a small table of a known law."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ratchet.cli import main
from ratchet.core.errors import ConfigError
from ratchet.recipes.launch import find_method
from ratchet.research.scaling_laws.law import FILE
from ratchet.research.scaling_laws.table import Table
from tests.research.conftest import make_parallel

WORDS = ["run", "scaling_laws", "--budget", "40", "--generations", "2", "--quiet"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder in the layout of the benchmark."""
    parallel: Table = make_parallel()
    folder = tmp_path / "data"
    (folder / "train").mkdir(parents=True)
    with (folder / "train" / "parallel.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["loss", "num_params", "group", "parallel_size"])
        for i, group in enumerate(parallel.groups):
            n, p = parallel.inputs["n"][i] * 1e9, parallel.inputs["p"][i]
            writer.writerow([repr(float(parallel.targets[i, 0])), repr(float(n)), group, p])
    return folder


def test_a_run_leaves_a_law_that_extrapolates(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main([*WORDS, "--data", str(data), "--out", str(out)]) == 0
    document = json.loads((out / "parallel" / FILE).read_text())
    assert document["law"]["evidence"]["r2"] > 0.99
    assert document["law"]["fitted_rows"] == 54, "refitted to all rows after the final measurement"
    assert document["constants_per_group"] <= document["cap"] == 4
    assert document["pareto"] and document["latex"].startswith("y =")
    for name in ("law.png", "pareto.png", "report.html"):
        assert (out / "parallel" / name).stat().st_size > 1000
    rows, predicted = tmp_path / "rows.csv", tmp_path / "predicted.csv"
    rows.write_text("num_params,parallel_size,group\n2000000000,8,pile\n")
    words = ["laws", "predict", str(out / "parallel" / FILE)]
    assert main([*words, "--rows", str(rows), "--out", str(predicted)]) == 0
    # 1.2 + 0.9 (2 (1 + 0.4 ln 8))^-0.3
    assert float(predicted.read_text().split()[1]) == pytest.approx(1.8096, abs=0.01)
    assert main(["verify", str(out / "parallel")]) == 0
    source = out / "parallel" / "law.py"
    source.write_text(document["python"])
    asked = "import law; print(law.predict({'num_params': 2e9, 'parallel_size': 8.0}, 'pile'))"
    told = subprocess.run(
        [sys.executable, "-c", asked], cwd=source.parent, capture_output=True, text=True, check=True
    )
    assert float(told.stdout) == pytest.approx(float(predicted.read_text().split()[1]), rel=1e-9)


def test_the_same_command_leaves_what_has_ended_alone(data: Path, tmp_path: Path) -> None:
    words = [*WORDS, "--data", str(data), "--out", str(tmp_path / "out"), "--budget", "12"]
    assert main(words) == 0
    before = (tmp_path / "out" / "parallel" / "ledger.sqlite").read_bytes()
    assert main(words) == 0
    assert (tmp_path / "out" / "parallel" / "ledger.sqlite").read_bytes() == before


def test_wrong_tasks_and_folders_are_errors(data: Path, tmp_path: Path) -> None:
    method = find_method("scaling_laws")
    for settings, problem in (
        ({}, "which tables"),
        ({"data": str(tmp_path)}, "no table of a known task"),
        ({"data": str(data), "task": "moe"}, "no table of moe"),
        ({"data": str(data), "task": "nothing"}, "no task 'nothing'"),
    ):
        with pytest.raises(ConfigError, match=problem):
            method.module.split_run(method.configure(**settings), tmp_path / "out")


@pytest.mark.slow
def test_a_killed_search_ends_with_the_same_archive(data: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "ratchet", *WORDS, "--generations", "4", "--data", str(data)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run([*words, "--out", str(whole)], env=environment, check=True)
    process = subprocess.Popen([*words, "--out", str(killed)], env=environment)
    records = killed / "parallel" / "records"
    while process.poll() is None and len(list(records.glob("*.gz"))) < 2:
        time.sleep(0.02)
    assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "parallel" / FILE).exists()
    subprocess.run([*words, "--out", str(killed)], env=environment, check=True)
    states = [
        json.loads((folder / "parallel" / "report.json").read_text())["states"]
        for folder in (whole, killed)
    ]
    assert states[0] == states[1]
    archives = [
        sorted(p.read_bytes() for p in folder.glob("parallel/versions/*/archive.jsonl"))
        for folder in (whole, killed)
    ]
    assert archives[0] == archives[1] and archives[0]
