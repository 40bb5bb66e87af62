"""The gate with an error budget in whole runs: draws, spending, approval, resuming."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.errors import RunError
from ratchet.guard.charter import find_charter
from ratchet.loop.folder import RunFolder
from ratchet.recipes.launch import resume
from tests.end_to_end.small import run

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that runs the toy program under these gate terms."""

    def start(terms: str, name: str = "run", **settings: Any) -> dict[str, Any]:
        charter = tmp_path / f"{name}.toml"
        plain = find_charter("functions").read_text("utf-8")
        charter.write_text(f"{plain}\n[gate]\n{terms}\n", "utf-8")
        return run(tmp_path / name, "toy_program", charter=str(charter), **settings)

    return start


TERMS = (
    "first = 20\nbatch = 20\nordinary = 60\ncap = 80\ncapability_batch = 5\ncapability_cap = 30\n"
)


def generations(folder: Path) -> list[dict[str, Any]]:
    with RunFolder(folder).ledger() as ledger:
        return [entry.body for entry in ledger.entries("generation")]


def test_a_run_draws_in_batches_and_keeps_all_that_was_measured(make: Make, tmp_path: Path) -> None:
    report = make(TERMS + "jump = 0.9")
    assert report["status"] == "completed"
    assert "promote" in [g["decision"] for g in report["generations"]]
    drawn = 0
    for body in generations(tmp_path / "run"):
        measures = body["decision"]["measures"]
        parts = [body["evidence"]["candidate"], body["capabilities"]["candidate"]]
        mixed, families = ([item["item"] for item in part["items"]] for part in parts)
        assert len(mixed) == measures["items"]
        assert len(families) == measures.get("capability_items", 0)
        assert len({*mixed, *families}) == len(mixed) + len(families)
        drawn += len(mixed) + len(families)
        told = report["generations"][body["generation"] - 1]["gain"]
        assert [told[end] for end in ("mean", "low", "high", "n")] == [
            measures[end] for end in ("gain", "low", "high", "items")
        ]
    assert report["gate_items"]["drawn"] == drawn


def test_a_spent_budget_ends_the_run(make: Make, tmp_path: Path) -> None:
    report = make(TERMS + "jump = 0.9\ntests = 2")
    assert report["status"] == "budget_spent"
    assert len(report["generations"]) == 2
    assert report["final"]["score"] is not None
    assert resume(tmp_path / "run")["status"] == "budget_spent"
    enough = make(TERMS + "jump = 0.9\ntests = 2", "enough", generations=2)
    assert enough["status"] == "completed"


def test_a_jump_waits_for_a_person_and_goes_on_when_approved(make: Make, tmp_path: Path) -> None:
    waits = make(TERMS + "jump = 0.01")
    assert waits["status"] == "needs_approval"
    assert waits["generations"][-1]["decision"] == "halt" and waits["final"]["score"] is None
    folder = tmp_path / "run"
    candidate = generations(folder)[-1]["candidate"]
    assert resume(folder)["status"] == "needs_approval"
    after = resume(folder, approve=True)
    with RunFolder(folder).ledger() as ledger:
        approved = [entry.body for entry in ledger.entries("approval")]
    assert [body["pointers"]["incumbent"] for body in approved] == [candidate]
    assert after["status"] == "completed" and after["final"]["score"] is not None
    with pytest.raises(RunError, match=r"nothing in .* waits"):
        resume(folder, approve=True)


def test_a_resumed_run_spends_what_an_uninterrupted_one_spends(make: Make, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(event: Any) -> None:
        if event.kind == "decision" and event.data["generation"] == 2:
            raise Stop

    whole = make(TERMS + "jump = 0.9\ntests = 3")
    with pytest.raises(Stop):
        make(TERMS + "jump = 0.9\ntests = 3", "cut", listener=stop)
    cut = make(TERMS + "jump = 0.9\ntests = 3", "cut")
    assert cut["states"] == whole["states"] and cut["status"] == whole["status"]
    reasons = [[g["reason"] for g in r["generations"]] for r in (whole, cut)]
    assert reasons[0] == reasons[1] and "test 3 of 3" in reasons[0][-1]
