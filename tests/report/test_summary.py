"""Every number of report.json, recomputed by hand on a small ledger."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import pytest

from ratchet.core.evidence import Verb
from ratchet.core.seeds import Seed
from ratchet.loop.folder import RunFolder
from ratchet.report.schema import Report
from ratchet.report.summary import summarise

MakeRun = Callable[..., RunFolder]


def test_names_the_run_and_its_base(make_run: MakeRun) -> None:
    report = summarise(make_run())
    assert (report["recipe"], report["tier"], report["model"]) == ("agent0", "smol", "SmolLM2")
    assert (report["seed"], report["status"], report["gate"]) == (7, "completed", "enforce")
    assert report["base"]["procedure"] == "few_shot"
    assert report["base"]["procedures"] == {"direct": 0.20, "few_shot": 0.31}
    assert report["charter"] == "charter-hash"


def test_final_scores_and_gains_are_item_by_item(make_run: MakeRun) -> None:
    report = summarise(make_run())
    # 200 final items: base 62 right, untrained 40, incumbent 80, last candidate 90.
    assert report["base"]["score"]["mean"] == pytest.approx(0.31)
    assert report["untrained"]["score"]["mean"] == pytest.approx(0.20)
    assert report["final"]["score"]["mean"] == pytest.approx(0.40)
    assert report["gain"]["mean"] == pytest.approx(0.09)
    assert report["gains"]["same_procedure"]["mean"] == pytest.approx(0.20)
    assert report["last_candidate"]["score"]["mean"] == pytest.approx(0.45)
    assert report["last_candidate"]["gain"]["mean"] == pytest.approx(0.14)
    assert report["last_candidate"]["gains"]["same_procedure"]["mean"] == pytest.approx(0.25)


def test_parseable_counts_only_items_that_both_could_read(make_run: MakeRun) -> None:
    gains = summarise(make_run())["gains"]
    # The base could not be read on the last 100 items; on the first 100 it is 80 against 62.
    assert gains["parseable"]["n"] == 100
    assert gains["parseable"]["mean"] == pytest.approx(0.18)


def test_intervals_enclose_their_means_and_exclude_zero_for_a_clear_gain(make_run: MakeRun) -> None:
    report = summarise(make_run())
    for value in (report["gain"], report["final"]["score"], report["last_candidate"]["gain"]):
        assert value["low"] < value["mean"] < value["high"]
        assert value["n"] == 200
    assert report["gain"]["low"] > 0


def test_families_stand_side_by_side(make_run: MakeRun) -> None:
    families = summarise(make_run(final=81))["families"]
    # Odd items are additions: 31 of the first 62 and 40 of the first 81.
    assert families["add"] == {"base": 0.31, "final": 0.40, "n": 100}
    assert families["multiply"] == {"base": 0.31, "final": 0.41, "n": 100}


def test_generations_tell_decision_scores_and_findings(make_run: MakeRun) -> None:
    report = summarise(make_run())
    second, third = report["generations"][1:3]
    assert [g["decision"] for g in report["generations"]] == ["hold", "promote", "reject", "hold"]
    assert second["reason"] == "because of 12 points"
    assert second["candidate"]["mean"] == pytest.approx(0.42)
    assert second["incumbent"]["mean"] == pytest.approx(0.30)
    assert second["gain"]["mean"] == pytest.approx(0.12)
    assert second["families"]["add"] == {"candidate": 0.42, "incumbent": 0.30, "n": 50}
    assert second["measures"] == {"level_1": pytest.approx(0.6), "level_2": pytest.approx(0.4)}
    assert second["findings"] == []
    assert third["findings"][0]["action"] == "set"
    assert report["findings"] == 1


def test_the_gain_of_a_generation_is_the_gates_own(make_run: MakeRun) -> None:
    from ratchet.core.codec import from_data
    from ratchet.core.evidence import Evidence
    from ratchet.loop.gate import History, IntervalGate

    folder = make_run()
    with folder.ledger() as ledger:
        body = next(ledger.entries("generation")).body
    evidence: Evidence = from_data(Evidence, body["evidence"])
    seed = Seed(7).child("generation", 1).child("gate")
    decision, _ = IntervalGate(100).decide(lambda n, families=(): evidence, [], History(), seed)
    gain = summarise(folder)["generations"][0]["gain"]
    assert (gain["low"], gain["high"]) == (decision.measures["low"], decision.measures["high"])


def test_gate_items_say_how_often_anchors_came_again(make_run: MakeRun) -> None:
    # Four draws of the same 100 items.
    assert summarise(make_run())["gate_items"] == {"drawn": 400, "distinct": 100}


def test_liveness_is_judged_over_all_generations(make_run: MakeRun) -> None:
    report = summarise(make_run())
    assert report["liveness"] == {"calc_tool": "live", "drag": "dormant", "grpo": "live"}


def test_states_are_those_of_the_last_pointers(make_run: MakeRun) -> None:
    from ratchet.core.state import Component, State

    hashes = summarise(make_run())["states"]
    assert hashes["incumbent"] == State({"policy": Component("policy", "bbbb")}).hash
    assert hashes["branch"] == State({"policy": Component("policy", "cccc")}).hash


def test_cost_sums_and_takes_the_highest_peak(make_run: MakeRun) -> None:
    folder = make_run()
    with folder.reading() as ledger:
        head = ledger.head
    assert summarise(folder)["cost"] == {
        "wall_s": 10.0 + 1 + 2 + 3 + 4 + 5,
        "tokens": 600,
        "prompt_tokens": 6000,
        "tool_calls": 18,
        "peak_rss_mb": 510.0,
        "ledger": {"entries": 6, "hash": head.hash},
    }


def test_an_unfinished_run_is_interrupted_and_its_final_numbers_null(make_run: MakeRun) -> None:
    report = summarise(make_run(ended=False))
    assert report["status"] == "interrupted"
    assert report["final"] == {"score": None}
    assert report["gain"] is None and report["gains"]["same_procedure"] is None
    assert len(report["generations"]) == 4


def test_a_run_that_never_started_has_a_report(make_run: MakeRun) -> None:
    report = summarise(make_run(started=False))
    assert (report["status"], report["generations"], report["liveness"]) == ("interrupted", [], {})
    assert report["states"] == {"incumbent": "", "branch": ""}


def test_a_dead_mechanism_makes_an_invalid_report_without_scores(make_run: MakeRun) -> None:
    report = summarise(make_run(planted=False, verbs=(), gains=()))
    assert report["status"] == "invalid"
    assert report["liveness"]["grpo"] == "dead"
    assert report["gain"] is None


def test_the_epilogue_stands_as_it_was_stored(make_run: MakeRun) -> None:
    epilogue = {"samples": [{"prompt": "1 + 1", "before": "3", "after": "2"}]}
    assert summarise(make_run(epilogue=epilogue))["epilogue"] == epilogue
    assert summarise(make_run(name="plain"))["epilogue"] is None


def test_equal_ledgers_give_equal_reports_wherever_they_lie(make_run: MakeRun) -> None:
    first, second = make_run(name="a"), make_run(name="b")
    text = json.dumps(summarise(first), sort_keys=True)
    assert text == json.dumps(summarise(second), sort_keys=True)
    assert text == json.dumps(summarise(first), sort_keys=True)
    shutil.rmtree(first.path / "records")
    assert text == json.dumps(summarise(first), sort_keys=True)


def test_it_follows_the_schema_and_survives_a_round_trip(make_run: MakeRun) -> None:
    data = summarise(make_run(verbs=(Verb.HALT,), gains=(0,)))
    assert Report.model_validate_json(json.dumps(data)).model_dump(mode="json") == data
