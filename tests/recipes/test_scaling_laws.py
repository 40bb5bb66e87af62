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
from ratchet.research.scaling_laws.human import HUMAN, plain_law
from ratchet.research.scaling_laws.law import FILE
from ratchet.research.scaling_laws.table import Table
from ratchet.research.scaling_laws.tasks import TASKS
from tests.research.conftest import make_parallel
from tests.search.scripted import serve

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
    assert document["law"]["evidence"]["evaluations"] == 40, "whichever state is deployed"
    sizes, errors = zip(*((e["size"], e["nmse"]) for e in document["pareto"]), strict=True)
    assert len(sizes) > 1 and list(sizes) == sorted(set(sizes))
    assert list(errors) == sorted(errors, reverse=True)
    assert document["latex"].startswith("y =")
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


def test_a_search_starts_from_what_is_known(data: Path, tmp_path: Path) -> None:
    """The base that a found law must beat is the best known law, not the plain one."""
    for seeds, form in (("all", HUMAN["parallel"]), ("plain", plain_law(TASKS["parallel"]))):
        words = [*WORDS, "--generations", "0", "--seeds", seeds, "--data", str(data)]
        assert main([*words, "--out", str(tmp_path / seeds)]) == 0
        document = json.loads((tmp_path / seeds / "parallel" / FILE).read_text())
        assert document["law"]["form"] == form.text


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
        ({"data": str(data), "proposer": "endpoint"}, "its address"),
        ({"data": str(data), "endpoint": "http://127.0.0.1:1/v1"}, "its address"),
    ):
        with pytest.raises(ConfigError, match=problem):
            method.module.split_run(method.configure(**settings), tmp_path / "out")


def test_a_language_model_behind_a_server_writes_the_law(data: Path, tmp_path: Path) -> None:
    """The whole way: prompt, reply, reader, evaluation, gate, LAW.json."""
    law = "(law id mse 0 own (+ 1) (+ (pow (* n (+ 1 (* ?s (log p)))) (neg ?e))))"
    key = tmp_path / "key"
    key.write_text("secret\n")
    with serve("import os; os.abort()", f"Here:\n```\n{law}\n```", "no law at all") as server:
        words = ["--proposer", "endpoint", "--model", "m", "--endpoint-key", str(key)]
        words += ["--endpoint", f"http://127.0.0.1:{server.server_port}/v1", "--seeds", "plain"]
        out = tmp_path / "out"
        assert main([*WORDS, "--budget", "4", *words, "--data", str(data), "--out", str(out)]) == 0
        prompts = [body["messages"][0]["content"] for body in server.asked]
        assert {body["model"] for body in server.asked} == {"m"}
        assert set(server.headers) == {"Bearer secret"}
    document = json.loads((out / "parallel" / FILE).read_text())
    assert document["law"]["form"] == law and document["law"]["evidence"]["r2"] > 0.999
    assert "At most 4 constants" in prompts[0]
    assert any("rejected as" in p or "by inner hold-out" in p for p in prompts)
    assert "secret" not in "".join(prompts)


def test_edits_of_a_laws_text_find_a_law(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["--proposer", "patch", "--seeds", "plain", "--data", str(data), "--out", str(out)]
    assert main([*WORDS, *words]) == 0
    archives = sorted((out / "parallel" / "versions").glob("*/archive.jsonl"), key=_size)
    entries = [json.loads(line) for line in archives[-1].read_text().splitlines()[1:]]
    assert len(entries) == 40 and len({e["operator"] for e in entries}) > 10
    assert document_r2(out) > 0.9


def _size(path: Path) -> int:
    return path.stat().st_size


def document_r2(out: Path) -> float:
    document = json.loads((out / "parallel" / FILE).read_text())
    return float(document["law"]["evidence"]["r2"])


def test_a_program_in_source_text_is_scored_in_the_sandbox(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "law.py"
    program.write_text(
        "def fit_scaling_law(rows, targets):\n    return [sum(targets) / len(targets)]\n\n"
        "def scaling_law(rows, params):\n    return [params[0] for _ in rows]\n"
    )
    words = ["laws", "score", str(program), "--data", str(data), "--task", "parallel"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["failure"] == "" and found["measures"]["constants"] == 1
    program.write_text("open('/etc/passwd')\n" + program.read_text())
    assert main(words) == 0
    assert "rejected as reaches_out" in capsys.readouterr().out
    assert main([*words[:-1], "moe"]) != 0


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
