"""The harness on a stub recipe in real processes: arms, crashes, looks, resuming, registration."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ratchet.claims import reproduce, tell
from ratchet.claims.harness import load_claims
from ratchet.claims.results import Results
from ratchet.core.codec import from_data, to_data
from ratchet.core.errors import ConfigError, RunError
from ratchet.core.events import Event
from ratchet.loop.folder import RunFolder
from ratchet.recipes.launch import find_method
from tests.claims.conftest import CLAIMS, MakeRecipe

ONE = CLAIMS.partition("    arms=(")[0] + (
    '    arms=(Arm("idle"),),\n'
    '    claims=(claim("idle_does_not_gain", "treatment not > bound", "idle", seeds=(2,)),),\n)\n'
)
ROOT = Path(__file__).parents[2]


class Study:
    """One study at look 1, with what it told on the way."""

    def __init__(self, folder: Path, make_recipe: MakeRecipe) -> None:
        self.recipe, self.out, self.docs = make_recipe(folder), folder / "out", folder / "docs"
        self.events: list[Event] = []
        self.data = self.go(docs=self.docs)

    def go(self, **more: Any) -> dict[str, Any]:
        self.events.clear()
        method = find_method(str(self.recipe))
        return reproduce(method, "toy", self.out, self.events.append, jobs=2, **more)

    def started(self) -> Counter[str]:
        """How often each run was started: the first line of its events, once a process."""
        lines = {
            path.parent.name: path.read_text().count('"what": "making the initial state"')
            for path in self.out.glob("runs/*/events.jsonl")
        }
        return Counter(lines)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, make_recipe: MakeRecipe) -> Study:
    return Study(tmp_path_factory.mktemp("study") / "recipe", make_recipe)


def _by_name(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {claim["claim"]["name"]: claim for claim in data["claims"]}


def test_every_claim_gets_its_verdict(study: Study) -> None:
    found = _by_name(study.data)
    assert {name: claim["verdict"] for name, claim in found.items()} == {
        "learns": "holds",
        "beats_idle": "holds",
        "idle_does_not_gain": "holds",
        "falls": "inconclusive",
        "sturdier": "not testable at this tier",
        "is_dead": "inconclusive",
        "needs_a_gpu": "not testable at this tier",
    }
    assert found["learns"]["effect"] > 0.6 and found["learns"]["seeds"] == 2
    assert found["needs_a_gpu"]["reason"] == "too small"
    assert found["falls"]["reason"] == (
        "runs are missing: faller-seed2: exit code 1: ZeroDivisionError: the stub fell over"
    )
    assert "dead-seed1: its status is invalid (heart dead)" in found["is_dead"]["reason"]


def test_arms_that_claims_share_run_once_and_only_what_is_needed_runs(study: Study) -> None:
    names = {
        f"{arm}-seed{seed}"
        for arm in ("skilled", "idle", "faller", "dead", "sturdy")
        for seed in (1, 2)
    }
    assert set(study.started()) == names
    assert set(study.started().values()) == {1}
    assert study.data["spent"]["runs"] == 10
    assert _by_name(study.data)["beats_idle"]["spent"]["runs"] == 4


def test_arms_are_paired_by_seed_and_run_on_one_thread(study: Study) -> None:
    for arm, skill in (("skilled", 0.9), ("idle", 0.0)):
        for seed in (1, 2):
            config = find_method(str(study.recipe)).config_type.read(
                RunFolder(study.out / "runs" / f"{arm}-seed{seed}").config
            )
            assert (config.seed, config.threads) == (seed, 1)
            assert config.model_dump()["skill"] == skill


def test_results_have_their_schema_and_stand_in_both_folders(study: Study) -> None:
    text = (study.out / "results.json").read_text()
    read = from_data(Results, json.loads(text))
    assert to_data(read) == study.data
    assert read.format == 1
    values = {(run.arm, run.seed): run.values for run in read.runs}
    learns = next(claim for claim in read.claims if claim.claim.name == "learns")
    each = [values["skilled", seed]["last_candidate.score.mean"] for seed in (1, 2)]
    assert learns.effect == pytest.approx(sum(each) / 2)
    assert learns.low is not None and learns.effect is not None
    assert learns.low < learns.effect
    assert (study.docs / "stub.json").read_text() == text
    names = {path.name for path in study.docs.iterdir()}
    assert names == {"stub.json", "stub.md", "stub.svg"}


def test_the_page_says_how_it_was_made_and_what_was_found(study: Study) -> None:
    page = (study.docs / "stub.md").read_text()
    assert f"    ratchet reproduce {study.recipe} --tier toy\n" in page
    assert study.data["claims_hash"] in page
    assert "| learns | **holds** | +" in page
    assert "faller-seed2: exit code 1: ZeroDivisionError: the stub fell over" in page
    assert "](stub.svg)" in page
    picture = ElementTree.parse(study.docs / "stub.svg")
    assert picture.getroot().tag.endswith("svg")
    told = tell(study.data)
    assert "HOLDS: learns" in told and "INCONCLUSIVE: falls" in told


def test_progress_is_told_to_the_end(study: Study) -> None:
    kinds = {event.kind for event in study.events}
    assert {"progress", "finding", "end"} <= kinds
    last = [event.data for event in study.events if event.kind == "progress"][-1]
    # The invalid runs have ended; the one that crashed has ended too, unfinished.
    assert last["done"] == last["total"] == 20 and last["ended"] == 10


def test_going_on_runs_only_what_is_open_and_crashed(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENDED", "1")
    before = study.started()
    again = study.go(stage=2)
    after = study.started()
    # The crashed run is resumed: it starts no second time, and now it can be judged.
    assert after["faller-seed2"] == 1
    assert set(after) - set(before) <= {"faller-seed3"}
    assert all(count == 1 for count in after.values())
    found = _by_name(again)
    assert found["falls"]["verdict"] != "holds" and found["falls"]["looks"]
    assert again["spent"]["runs"] == len(after)
    assert {**found["learns"]} == {**_by_name(study.data)["learns"]}
    times = {path: path.stat().st_mtime_ns for path in study.out.glob("runs/*/report.json")}
    assert study.go(stage=2) == again
    assert times == {path: path.stat().st_mtime_ns for path in study.out.glob("runs/*/report.json")}


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("claims.py", "smallest_effect=0.1", "smallest_effect=0.2", "other claims"),
        ("toy.toml", "final_items = 60", "final_items = 61", "other settings"),
    ],
)
def test_changed_claims_are_refused_where_there_are_results(
    study: Study, file: str, old: str, new: str, said: str
) -> None:
    path = study.recipe.with_name(file)
    text = path.read_text()
    try:
        path.write_text(text.replace(old, new))
        with pytest.raises(RunError, match=said) as refused:
            study.go()
        assert "--out" in refused.value.hint
        assert not study.events
    finally:
        path.write_text(text)


def test_claims_are_read_as_they_are_now(study: Study) -> None:
    """Bytecode cached in the same second must not stand for a file of the same size."""
    path = study.recipe.with_name("claims.py")
    text, times = path.read_text(), path.stat()
    method = find_method(str(study.recipe))
    try:
        before = load_claims(method)
        path.write_text(text.replace("smallest_effect=0.1", "smallest_effect=0.2"))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert load_claims(method) != before
    finally:
        path.write_text(text)


def test_runs_without_a_registration_are_refused(study: Study, tmp_path: Path) -> None:
    (tmp_path / "runs" / "skilled-seed1").mkdir(parents=True)
    with pytest.raises(RunError, match=r"has runs but no preregistration\.json"):
        reproduce(find_method(str(study.recipe)), "toy", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"skill": 0.9', '"skil": 0.9', "did you mean 'skill'"),
        ("last_candidate.score.mean", "last_candidate.scores.mean", "did you mean 'score'"),
        ("CLAIMS = ", "CLAIM = ", "has no CLAIMS"),
        ('"skill": 0.9', '"charter": "arithmetic_small"', "gate_items = 10 has no effect"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_does(
    old: str, new: str, said: str, tmp_path: Path, make_recipe: MakeRecipe
) -> None:
    recipe = make_recipe(tmp_path / "recipe", CLAIMS.replace(old, new))
    with pytest.raises(ConfigError, match=said):
        reproduce(find_method(str(recipe)), "toy", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_recipe_without_claims_and_a_stage_that_is_none_are_refused(
    tmp_path: Path, make_recipe: MakeRecipe
) -> None:
    recipe = make_recipe(tmp_path / "recipe")
    with pytest.raises(ConfigError, match="no stage 3"):
        reproduce(find_method(str(recipe)), "toy", tmp_path / "out", stage=3)
    recipe.with_name("claims.py").unlink()
    with pytest.raises(ConfigError, match="has no claims"):
        reproduce(find_method(str(recipe)), "toy", tmp_path / "out")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_every_run_and_the_same_command_goes_on(
    number: signal.Signals, tmp_path: Path, make_recipe: MakeRecipe
) -> None:
    long = ONE.replace('Arm("idle")', 'Arm("idle", {"generations": 100000})')
    recipe = make_recipe(tmp_path / "recipe", long)
    out = tmp_path / "out"
    words = ["reproduce", str(recipe), "--out", str(out), "--jobs", "2", "--quiet"]
    process = subprocess.Popen(
        [sys.executable, "-m", "ratchet", *words],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    logs = [out / "runs" / f"idle-seed{seed}" / "events.jsonl" for seed in (1, 2)]
    deadline = time.monotonic() + 60
    while not all(log.is_file() and '"decision"' in log.read_text() for log in logs):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    for log in logs:
        # The run wrote its report on the way out, and nobody holds its lock.
        assert json.loads((log.parent / "report.json").read_text())["status"] == "interrupted"
        with RunFolder(log.parent).lock():
            pass
