"""Agent0 on a real model: the random Llama on the local engine, as small as it gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.core.codec import from_data
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.engine.local import LocalEngine
from ratchet.engine.models.random_llama import write_random_llama
from ratchet.engine.protocol import Full
from ratchet.recipes.agent0.recipe import Agent0
from ratchet.recipes.coevolution.plan import count_parameters
from tests.recipes.conftest import Run, dead, read_ledger, read_records

TINY: dict[str, Any] = {
    "proposals": 4,
    "pool": 8,
    "tasks": 4,
    "batch": 2,
    "rank": 2,
    "solver_lr": 1e-2,
    "proposer_lr": 1e-2,
    "max_tokens": 4,
    "charter": "arithmetic",
    "gate_items": 4,
    "audit_items": 4,
    "final_items": 4,
    "quality_texts": 2,
    "pinned_tasks": 2,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("llama")
    return str(write_random_llama(folder, Seed(1), layers=1, width=32, heads=2, key_heads=1))


def test_a_model_that_writes_no_task_is_found_out(model: str, play: Run, folder: Path) -> None:
    report = play(Agent0, model=model, generations=1, **TINY)
    assert report["status"] == "completed" and dead(report) == []
    (generation,) = report["generations"]
    assert [f["name"] for f in generation["findings"]] == ["no_valid_proposals"]
    assert {r["role"] for r in read_records(folder, 1)} == {"proposer"}
    assert report["epilogue"]["quality"]["before"] == report["epilogue"]["quality"]["after"] > 1


def test_the_solver_learns_from_what_it_is_paid_for(model: str, play: Run, folder: Path) -> None:
    settings = {"proposer": "uniform", "reward": "random", "seed": 3, "generations": 1, **TINY}
    report = play(Agent0, model=model, **settings)
    assert report["status"] == "completed" and dead(report) == []
    assert report["liveness"]["learner.solver"] == "live"
    assert report["generations"][0]["measures"]["grad_norm"] > 0
    (start,), (body,) = read_ledger(folder, "start"), read_ledger(folder, "generation")
    before, after = from_data(State, start["initial"]), from_data(State, body["candidate"])
    assert after["proposer"] == before["proposer"] and after["solver"] != before["solver"]


def test_the_plan_counts_what_is_loaded(model: str) -> None:
    engine = LocalEngine(threads=1)
    engine.create("policy", model, Full())
    tensors = engine.policy("policy").tensors().values()
    assert count_parameters(model) == sum(tensor.numel() for tensor in tensors)
