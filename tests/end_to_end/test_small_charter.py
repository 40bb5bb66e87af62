"""Whole runs under the charter of the laptop tiers: obeyed, recorded only, read and done again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.guard.charter import Charter, find_charter
from ratchet.loop.folder import RunFolder
from ratchet.loop.gates import estimate_anchors
from ratchet.loop.position import read_position
from ratchet.loop.replay import replay
from ratchet.recipes.launch import find_method, read_config
from ratchet.recipes.toy_policy.recipe import ToyPolicy
from ratchet.report import write_report
from tests.end_to_end.small import run, stopping
from tests.proof.conftest import first_problem

SETTINGS: dict[str, Any] = {
    "charter": "arithmetic_small",
    "gate_items": None,
    "generations": 3,
    "lr": 0.3,
    "audit_items": 4,
    "final_items": 40,
}


def drawn(path: Path) -> list[int]:
    """Return the number of anchors of every decision."""
    with RunFolder(path).ledger() as ledger:
        return [
            sum(
                len(entry.body[part]["candidate"]["items"]) for part in ("evidence", "capabilities")
            )
            for entry in ledger.entries("generation")
        ]


@pytest.mark.parametrize("gate", ["enforce", "record"])
def test_a_run_spends_its_budget_is_verified_and_done_again(gate: str, tmp_path: Path) -> None:
    path = tmp_path / "run"
    report = run(path, "toy_policy", gate=gate, **SETTINGS)
    charter = Charter.read(find_charter("arithmetic_small"))
    assert charter.gate is not None
    most, _ = estimate_anchors(charter, None)
    assert report["status"] == "completed"
    assert report["budget"] == {"alpha": 0.05, "tests": 10, "spent": 3}
    assert all(charter.gate.first <= n <= most for n in drawn(path)) and len(drawn(path)) == 3
    assert [g["gain"]["n"] >= charter.gate.first for g in report["generations"]] == [True] * 3
    assert report["gate_items"]["drawn"] == sum(drawn(path))
    assert "promote" in [g["decision"] for g in report["generations"]]
    folder = RunFolder(path)
    with folder.ledger() as ledger:
        position = read_position(ledger.entries(), gate == "record")
    assert position is not None
    assert (position.incumbent == position.initial) == (gate == "record")
    assert position.branch != position.initial
    config = read_config(folder)
    build = find_method("toy_policy").module.build
    again = replay(folder, config, lambda store: build(config, store), 2)
    assert again.difference is None
    write_report(folder)
    assert first_problem(path) is None


def test_a_resumed_run_spends_no_test_twice(tmp_path: Path) -> None:
    stopped = stopping(ToyPolicy, 2)
    whole = run(tmp_path / "whole", "toy_policy", **SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "again", "toy_policy", stopped, **SETTINGS)
    again = run(tmp_path / "again", "toy_policy", stopped, **SETTINGS)
    assert again == whole
