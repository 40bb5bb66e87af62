"""Whole tiny runs of Agent0: records, measures, the pool, repeatability, resuming, controls."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from ratchet.core.codec import from_data
from ratchet.core.events import Event
from ratchet.core.evidence import Verb
from ratchet.core.state import State
from ratchet.loop.folder import RunFolder
from ratchet.loop.gate import IntervalGate
from ratchet.loop.policies import opened
from ratchet.report.schema import Report
from tests.recipes.conftest import Clean, Played, Run, Wordy, read_ledger, read_records

ONE: dict[str, Any] = {"generations": 1, "quality_texts": 0}


class Killed(BaseException):
    """Stands for a kill: nothing in the library catches it."""


def of_role(records: list[dict[str, Any]], role: str) -> list[dict[str, Any]]:
    return [record for record in records if record["role"] == role]


def test_a_run_completes_with_a_valid_report(clean: Clean) -> None:
    data = json.loads((clean.folder / "report.json").read_text())
    Report.model_validate(data)
    assert {k: v for k, v in data.items() if k != "cost"} == clean.report
    assert data["status"] == "completed" and len(data["generations"]) == 2
    assert data["last_candidate"]["score"]["n"] == 8
    assert set(data["base"]["procedures"]) == {"direct", "few_shot", "few_shot_tool"}


@pytest.mark.parametrize("generation", [1, 2])
def test_records_hold_both_roles_with_what_was_measured(clean: Clean, generation: int) -> None:
    records = clean.records(generation)
    written, solved = of_role(records, "proposer"), of_role(records, "solver")
    assert len(written) == 12 + 16 and solved and len(written) + len(solved) == len(records)
    terms = {"uncertainty", "tool", "repetition"}
    for number, trace in enumerate(written):
        assert set(trace["measures"]) == terms | ({"new"} if number >= 12 else set())
        assert trace["verdict"]["passed"] or trace["verdict"]["reward"] == 0
    groups: dict[str, list[dict[str, Any]]] = {}
    for trace in solved:
        groups.setdefault(trace["task"]["id"], []).append(trace)
        assert trace["verdict"]["source"] == "exact" and trace["measures"]["label_right"] == 1.0
    for group in groups.values():
        assert len(group) == 4
        share = fmean(trace["verdict"]["passed"] for trace in group)
        assert {trace["measures"]["p"] for trace in group} == {share}
    assert {t["task"]["prompt"] for t in solved} <= {t["attempt"]["answer"] for t in written[12:]}


@pytest.mark.parametrize("generation", [1, 2])
def test_measures_follow_from_the_records(clean: Clean, generation: int) -> None:
    measures = clean.report["generations"][generation - 1]["measures"]
    records = clean.records(generation)
    pool, solved = of_role(records, "proposer")[12:], of_role(records, "solver")
    assert measures["proposed"] == len(pool) == 16
    valid = [t["attempt"]["answer"] for t in pool if t["verdict"]["passed"]]
    assert measures["valid_share"] == len(valid) / 16
    assert measures["distinct_share"] == len(set(valid)) / len(valid)
    assert measures["attempted"] == len(solved) / 4
    assert measures["pass_rate"] == pytest.approx(fmean(t["verdict"]["passed"] for t in solved))
    assert measures["tool_calls"] == pytest.approx(
        fmean(t["attempt"]["tool_calls"] for t in solved)
    )
    kept = {t["task"]["id"] for t in solved if 0.1 <= t["measures"]["p"] <= 0.9}
    assert measures["kept"] == len(kept) > 0
    assert measures["kept_share"] == len(kept) / measures["attempted"]
    assert sum(measures[f"level_{level}"] for level in range(1, 6)) == pytest.approx(1.0)
    assert measures["label_accuracy"] == 1.0 and measures["solver_steps"] > 0
    assert 0.0 <= measures["pinned_pass_rate"] <= 1.0 and "pinned_tool_calls" in measures


def test_the_report_counts_the_calculators_calls(clean: Clean) -> None:
    traces = [t for n in (1, 2) for t in read_records(clean.folder, n) if t["role"] == "solver"]
    in_training = sum(trace["attempt"]["tool_calls"] for trace in traces)
    cost = json.loads((clean.folder / "report.json").read_text(encoding="utf-8"))["cost"]
    assert cost["tool_calls"] > in_training > 0  # measuring calls it too


def test_equal_solvers_are_measured_once_at_the_end(play: Run, folder: Path) -> None:
    """A control that promotes nothing ends with the policy it began with, measured once."""
    report = play(Played, gate="record", **ONE)
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    said = [json.loads(line).get("data", {}).get("what", "") for line in lines]
    opened = [what.partition(": ")[2] for what in said if what.startswith("final measurement")]
    (end,) = read_ledger(folder, "end")
    assert end["scores"]["incumbent"] == end["scores"]["untrained"]
    base = report["base"]["procedure"] == "few_shot_tool"
    assert opened == ["base", *([] if base else ["untrained"]), "last_candidate"]


def test_the_pool_grows_and_no_task_comes_twice(clean: Clean) -> None:
    tasks = [{t["task"]["id"] for t in of_role(clean.records(g), "solver")} for g in (1, 2)]
    assert not tasks[0] & tasks[1]
    branch = from_data(State, read_ledger(clean.folder, "generation")[-1]["pointers"]["branch"])
    seen = RunFolder(clean.folder).store().read(branch["pool"], "seen.txt").split()
    assert len(seen) == len(set(seen)) and set(seen) == tasks[0] | tasks[1]


def test_one_seed_gives_one_report(clean: Clean, play: Run) -> None:
    assert play() == clean.report


def test_another_seed_gives_another_run(clean: Clean, play: Run) -> None:
    report = play(seed=2, **ONE)
    assert report["states"]["branch"] != clean.report["states"]["branch"]


@pytest.mark.parametrize("moment", ["decision", "progress"])
def test_a_killed_run_goes_on_to_the_same_end(clean: Clean, play: Run, moment: str) -> None:
    generations: list[int] = []

    def kill(event: Event) -> None:
        """Strike after the first decision, or in the middle of the second generation."""
        generations.extend([event.data["generation"]] if event.kind == "generation" else [])
        last = event.data.get("phase") in (None, "learn")
        if event.kind == moment and last and len(generations) == 1 + (moment == "progress"):
            raise Killed

    with pytest.raises(Killed):
        play(listener=kill)
    report = play()
    assert report["states"] == clean.report["states"]
    assert report == clean.report


def test_the_pinned_solver_is_that_of_generation_0(
    play: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned: list[str] = []

    def watch(engine: Any, store: Any, state: State, role: str) -> AbstractContextManager[None]:
        pinned.append(state[role].hash)
        return opened(engine, store, state, role)

    monkeypatch.setattr("ratchet.recipes.coevolution.measures.opened", watch)
    play(generations=2, quality_texts=0)
    initial = from_data(State, read_ledger(folder, "start")[0]["initial"])["solver"].hash
    branch = from_data(State, read_ledger(folder, "generation")[0]["pointers"]["branch"])
    assert pinned == [initial] * 2 and branch["solver"].hash != initial


def test_the_pinned_solver_is_judged_by_the_truth(play: Run) -> None:
    hopeless = type("Hopeless", (Played,), {"actor": Wordy})
    measures = play(hopeless, reward="random", **ONE)["generations"][0]["measures"]
    assert measures["pass_rate"] > 0.0 == measures["pinned_pass_rate"]


def test_a_frozen_proposer_never_changes(play: Run, clean: Clean, folder: Path) -> None:
    report = play(proposer="frozen", **ONE)
    (body,) = read_ledger(folder, "generation")
    (start,) = read_ledger(folder, "start")
    after, before = from_data(State, body["candidate"]), from_data(State, start["initial"])
    assert after["proposer"] == before["proposer"] and after["solver"] != before["solver"]
    assert not [n for n in report["liveness"] if n.startswith(("reward.", "learner.proposer"))]
    assert report["generations"][0]["measures"]["proposed"] == 16
    trained = from_data(State, read_ledger(clean.folder, "generation")[0]["candidate"])
    assert trained["proposer"] != before["proposer"]


def test_uniform_tasks_need_no_proposals(play: Run, folder: Path) -> None:
    report = play(proposer="uniform", **ONE)
    records = read_records(folder, 1)
    (generation,) = report["generations"]
    assert {record["role"] for record in records} == {"solver"}
    assert generation["measures"]["proposed"] == 0
    assert generation["measures"]["attempted"] == 16 and generation["measures"]["kept"] > 0
    assert "valid_share" not in generation["measures"] and generation["findings"] == []
    assert report["status"] == "completed"


def test_random_rewards_know_nothing_of_the_truth(play: Run, folder: Path) -> None:
    report = play(reward="random", **ONE)
    solved = of_role(read_records(folder, 1), "solver")
    assert {t["verdict"]["source"] for t in solved} == {"random"}
    assert {t["verdict"]["reward"] for t in solved} == {0.0, 1.0}
    assert not any("label_right" in t["measures"] for t in solved)
    measures = report["generations"][0]["measures"]
    assert "label_accuracy" not in measures and "pinned_pass_rate" in measures
    assert report["status"] == "completed"


def test_without_the_tool_nothing_of_it_is_left(play: Run, folder: Path) -> None:
    report = play(tool=False, **ONE)
    assert set(report["base"]["procedures"]) == {"direct", "few_shot"}
    assert not {"tool", "reward.tool"} & set(report["liveness"])
    records = read_records(folder, 1)
    turns = [turn for record in records for turn in record["attempt"]["turns"]]
    assert "tool" not in {turn["role"] for turn in turns}
    assert not any("<calc>" in turn["text"] for turn in turns if turn["role"] == "user")
    assert report["status"] == "completed"


@pytest.mark.parametrize("gate", ["record", "enforce"])
def test_a_recording_gate_never_promotes(
    play: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, gate: str
) -> None:
    monkeypatch.setattr(IntervalGate, "_weigh", lambda *given: (Verb.PROMOTE, "as told"))
    report = play(gate=gate, **ONE)
    (start,) = read_ledger(folder, "start")
    initial = from_data(State, start["initial"]).hash
    assert [g["decision"] for g in report["generations"]] == ["promote"]
    assert report["states"]["branch"] != initial
    assert (report["states"]["incumbent"] == initial) == (gate == "record")
