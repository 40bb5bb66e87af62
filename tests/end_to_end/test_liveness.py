"""Planted faults: a dead mechanism makes the run invalid and is named; a sleeping one does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.curriculum import rewards
from ratchet.curriculum.difficulty import DIFFICULTIES
from ratchet.loop.folder import RunFolder
from ratchet.report import write_report
from tests.end_to_end.broken import Deaf, DropsNothing, Filtered, NeverLearns, Paid, Watched
from tests.end_to_end.small import Build, run

TINY: dict[str, Any] = {"generations": 1, "gate_items": 10, "audit_items": 5, "final_items": 10}


def dead(path: Path) -> list[str]:
    """Return what report.json calls dead."""
    write_report(RunFolder(path))
    states = json.loads((path / "report.json").read_text())["liveness"]
    return [name for name, state in states.items() if state == "dead"]


@pytest.mark.parametrize(
    ("build", "names"),
    [
        (NeverLearns, ["learner.proposer", "learner.solver"]),
        (Deaf, ["repeated_proposals"]),
    ],
)
def test_a_mechanism_dead_at_the_start_ends_the_run_before_it_costs_anything(
    build: Build, names: list[str], tmp_path: Path
) -> None:
    report = run(tmp_path / "run", "toy_policy", build, **TINY)
    assert report["status"] == "invalid"
    assert dead(tmp_path / "run") == names
    assert report["generations"] == [] and report["final"]["score"] is None
    assert not (tmp_path / "run" / "evaluator" / "records.jsonl").exists()


@pytest.mark.parametrize("term", ["uncertainty", "tool_use", "repetition"])
def test_a_dead_reward_term_is_named(
    term: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(given: object, *more: object, **settings: object) -> object:
        return [0.0] * len(given) if term == "repetition" else 0.0  # type: ignore[arg-type]

    if term == "uncertainty":
        monkeypatch.setitem(DIFFICULTIES, term, nothing)
    else:
        monkeypatch.setattr(rewards, term, nothing)
    report = run(tmp_path / "run", "toy_policy", Paid, **TINY)
    assert report["status"] == "invalid"
    assert dead(tmp_path / "run") == [f"reward.{term.removesuffix('_use')}"]


def test_paying_for_what_is_no_task_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    combine = rewards.combine

    def generous(valid: bool, *terms: Any) -> float:
        return combine(valid, *terms) if valid else 0.5

    monkeypatch.setattr(rewards, "combine", generous)
    run(tmp_path / "run", "toy_policy", Paid, **TINY)
    assert dead(tmp_path / "run") == ["reward.format"]


def test_reward_terms_that_pay_are_let_pass(tmp_path: Path) -> None:
    report = run(tmp_path / "run", "toy_policy", Paid, **{**TINY, "generations": 0})
    assert report["status"] == "completed"
    assert report["liveness"]["reward.tool"] == "dormant"


def test_a_filter_that_drops_nothing_in_the_run_is_named(tmp_path: Path) -> None:
    report = run(tmp_path / "run", "toy_program", DropsNothing, **TINY)
    assert report["status"] == "invalid"
    assert dead(tmp_path / "run") == ["filter.band"]
    assert len(report["generations"]) == 1
    whole = run(tmp_path / "whole", "toy_program", Filtered, **TINY)
    assert (whole["status"], whole["liveness"]["filter.band"]) == ("completed", "live")


def test_a_sleeping_mechanism_is_no_fault(tmp_path: Path) -> None:
    report = run(tmp_path / "run", "toy_policy", Watched, **TINY)
    assert report["status"] == "completed"
    assert report["liveness"]["no_valid_proposals"] == "dormant"
    assert report["liveness"]["learner.solver"] == "live"
