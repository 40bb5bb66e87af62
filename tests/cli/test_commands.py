"""The command line on real runs of the toy recipe: output, exit codes, and what it says next."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ratchet.cli import main

SMALL = ["--gate-items", "20", "--audit-items", "10", "--final-items", "20", "--mutants", "30"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run that has ended and promoted."""
    folder = tmp_path_factory.mktemp("runs") / "toy"
    command = ["run", "toy_program", "--generations", "2", "--out", str(folder), "--quiet", *SMALL]
    assert main([*command, "--mutants", "400", "--gate-items", "60"]) == 0
    return folder


def test_list_shows_each_recipe_with_its_first_line_and_tiers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["list", "--json"]) == 0
    rows = {row["recipe"]: row for row in json.loads(capsys.readouterr().out)["recipes"]}
    assert rows["toy_program"]["tiers"] == ["toy"]
    assert rows["toy_program"]["about"].startswith("A program that rewrites itself")
    assert main(["list"]) == 0
    assert re.search(r"^toy_program +toy +A program", capsys.readouterr().out, re.MULTILINE)


def test_json_is_one_document_and_everything_else_goes_to_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "toy_program", "--generations", "1", "--seed", "2", "--json", *SMALL]
    assert main([*command, "--out", str(tmp_path / "a")]) == 0
    told = capsys.readouterr()
    report = json.loads(told.out)
    assert (report["recipe"], report["seed"], report["status"]) == ("toy_program", 2, "completed")
    assert len(report["generations"]) == 1
    assert "generation 1 of 1" in told.err
    assert report == json.loads((tmp_path / "a" / "report.json").read_text())
    assert main([*command, "--out", str(tmp_path / "b")]) == 0
    again = json.loads(capsys.readouterr().out)
    assert {**report, "cost": 0} == {**again, "cost": 0}


def test_a_run_ends_with_a_summary_for_people(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(finished)]) == 0
    told = capsys.readouterr().out
    assert "points [" in told and "decisions" in told
    assert f"{finished}/report.html" in told
    assert (finished / "report.html").is_file()


def test_a_control_is_told_by_its_last_candidate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "control"
    command = ["run", "toy_program", "--generations", "2", "--gate", "record", "--quiet", *SMALL]
    assert main([*command, "--mutants", "400", "--out", str(folder)]) == 0
    told = capsys.readouterr().out
    report = json.loads((folder / "report.json").read_text())
    gain = report["last_candidate"]["gains"]["same_procedure"]["mean"]
    assert gain > 0 == report["gains"]["same_procedure"]["mean"], "nothing is deployed"
    assert told.startswith("Control, gate not obeyed") and "same procedure" not in told
    assert re.search(rf"^last candidate +\+{100 * gain:.1f} points", told, re.MULTILINE)


def test_report_recomputes_the_same_bytes(finished: Path) -> None:
    before = (finished / "report.json").read_bytes()
    (finished / "report.json").unlink()
    assert main(["report", str(finished)]) == 0
    assert (finished / "report.json").read_bytes() == before


def test_resuming_a_finished_run_changes_nothing(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (finished / "report.json").read_bytes()
    assert main(["resume", str(finished), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "completed"
    assert (finished / "report.json").read_bytes() == before


def test_compare_asks_both_systems(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(finished), "x = 1.5", "x = 2", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    first, second = document["answers"]
    # The untrained program is "x".
    assert (float(first["before"]), float(second["before"])) == (1.5, 2.0)
    assert not document["same_system"] and first["before"] != first["after"]
    assert main(["compare", str(finished), "x = 1.5"]) == 0
    assert "before  1.5" in capsys.readouterr().out


def test_runs_get_a_folder_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["run", "toy_program", "--generations", "0", "--quiet", *SMALL]) == 0
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert names == ["toy_program-toy-seed1", "toy_program-toy-seed1-2"]


@pytest.mark.parametrize(
    ("command", "said", "following"),
    [
        (["run", "toy_programm"], "(did you mean 'toy_program'?)", "ratchet list"),
        (["run", "absent.py"], "no recipe file absent.py", "ratchet list"),
        (["run", "toy_program", "--tier", "tyo"], "(did you mean 'toy'?)", "choose one of: toy"),
        (["run", "toy_program", "--generations", "-1"], "the options: generations", "correct it"),
        (["run", "toy_program", "--charter", "functons"], "no charter", "functions"),
        (["resume", "nowhere"], "nowhere is not a run", "ls runs"),
        (["report", "nowhere"], "nowhere is not a run", "ls runs"),
        (["compare", "nowhere", "1"], "nowhere is not a run", "ls runs"),
        (["models", "get"], "which model to get?", "ratchet models list"),
        (["models", "build", "big"], "only tiny can be built", "ratchet models get big"),
        (["models", "get", "nothing"], "no model 'nothing'", "smollm2"),
    ],
)
def test_mistakes_are_explained_with_the_next_command(
    command: list[str],
    said: str,
    following: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err.partition("\n  next: ")[0]
    assert following in told.err.partition("\n  next: ")[2]
    assert main([*command, "--json"]) == 2
    assert following in json.loads(capsys.readouterr().out)["next"]


def test_an_unknown_option_names_the_nearest_setting_of_the_recipe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["run", "toy_program", "--mutnats", "3", "--json"])
    assert stopped.value.code == 2
    told = capsys.readouterr()
    assert "--mutants" in told.err
    assert json.loads(told.out)["error"] == "wrong arguments"


def test_a_damaged_run_is_named(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (finished / "config.toml").read_text()
    try:
        (finished / "config.toml").write_text("recipe = ")
        assert main(["report", str(finished)]) == 2
    finally:
        (finished / "config.toml").write_text(text)
    assert "cannot read" in capsys.readouterr().err


def test_a_wrong_output_folder_is_refused(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "toy_program", "--out", str(finished)]) == 2
    assert f"ratchet resume {finished}" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_says_how_to_go_on_and_can(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    words = ["run", "toy_program", "--generations", "4000", "--out", str(folder), *SMALL]
    process = subprocess.Popen(
        [sys.executable, "-m", "ratchet", *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("generation 2"):
            break
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == code, told
    assert "stopped; every finished generation is kept" in told
    assert f"next: ratchet resume {folder}" in told
    report = json.loads((folder / "report.json").read_text())
    assert report["status"] == "interrupted"
    assert len(report["generations"]) >= 1


def test_the_command_line_starts_without_heavy_imports() -> None:
    code = (
        "import sys, ratchet.cli; "
        "print({'torch', 'transformers', 'matplotlib', 'scipy', 'numpy'} & set(sys.modules))"
    )
    began = time.monotonic()
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
    assert time.monotonic() - began < 10
