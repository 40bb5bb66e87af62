"""The toys, whole: they improve on the sealed final stream, and a run is a function of its seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.recipes.launch import find_method, launch
from ratchet.stats import seed_interval
from tests.end_to_end.small import configure, run

TOYS = ["toy_program", "toy_policy"]
Reports = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """One small run of each toy."""
    return {toy: run(tmp_path_factory.mktemp(toy) / "run", toy) for toy in TOYS}


@pytest.mark.parametrize("toy", TOYS)
def test_a_toy_improves_on_the_final_stream(toy: str, reports: Reports) -> None:
    report = reports[toy]
    assert report["status"] == "completed"
    assert report["gain"]["low"] > 0
    assert report["gains"]["same_procedure"]["low"] > 0
    assert report["final"]["score"]["mean"] > report["base"]["score"]["mean"] + 0.1
    assert "promote" in [g["decision"] for g in report["generations"]]
    assert set(report["liveness"].values()) == {"live"}


@pytest.mark.parametrize("toy", TOYS)
def test_the_same_seed_gives_the_same_report_in_another_folder(
    toy: str, reports: Reports, tmp_path: Path
) -> None:
    config = configure(toy)
    launch(config, tmp_path / "elsewhere" / toy)
    again = json.loads((tmp_path / "elsewhere" / toy / "report.json").read_text())
    del again["cost"]
    assert again == reports[toy]


def test_another_seed_gives_another_run(reports: Reports, tmp_path: Path) -> None:
    other = run(tmp_path / "run", "toy_program", seed=2)
    assert other["states"] != reports["toy_program"]["states"]
    assert other["final"] != reports["toy_program"]["final"]
    scores = [r["generations"][0]["incumbent"] for r in (other, reports["toy_program"])]
    assert scores[0] != scores[1], "the anchors are other ones, too"


def test_recorded_decisions_never_promote(reports: Reports, tmp_path: Path) -> None:
    report = run(tmp_path / "run", "toy_program", gate="record")
    assert "promote" in [g["decision"] for g in report["generations"]]
    assert report["gain"]["mean"] == 0.0 >= report["gain"]["low"]
    assert report["final"]["score"]["mean"] == report["untrained"]["score"]["mean"]
    # The branch goes on whatever is decided.
    assert report["last_candidate"]["gain"]["low"] > 0
    assert report["states"]["branch"] != report["states"]["incumbent"]
    assert report["gate"] == "record"


@pytest.mark.slow
@pytest.mark.parametrize("toy", TOYS)
def test_a_toy_improves_on_every_seed_as_shipped(toy: str, tmp_path: Path) -> None:
    reports = [
        launch(find_method(toy).configure(seed=seed), tmp_path / str(seed)) for seed in range(1, 6)
    ]
    assert [r["status"] for r in reports] == ["completed"] * 5
    lows = [r["gain"]["low"] for r in reports]
    assert min(lows) > 0, lows


@pytest.mark.slow
def test_random_labels_do_not_gain(tmp_path: Path) -> None:
    gains = []
    for seed in range(1, 6):
        config = find_method("toy_policy").configure(seed=seed, labels="random", gate="record")
        report = launch(config, tmp_path / str(seed))
        gains.append(report["last_candidate"]["gains"]["same_procedure"]["mean"])
    interval = seed_interval(gains)
    assert interval.mean <= 0.03 and interval.low <= 0, gains
