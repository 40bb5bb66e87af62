"""The dry run: sizes from files or names, memory of the GPU tier, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.numpy import load_file

from ratchet.core.errors import ModelError
from ratchet.core.seeds import Seed
from ratchet.engine.models.random_llama import write_random_llama
from ratchet.recipes.agent0.config import Config
from ratchet.recipes.coevolution.plan import count_parameters, plan
from ratchet.recipes.launch import find_method


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def configure(tier: str = "gpu", **settings: object) -> Config:
    config = find_method("agent0").configure(tier, **settings)
    assert isinstance(config, Config)
    return config


def test_the_gpu_tier_fits_one_gpu() -> None:
    told = find_method("agent0").plan(configure())
    assert told["parameters"] == 4e9
    assert 2 * 4e9 / 2**30 < told["memory_gb"] < 80
    assert told["solver_steps"] == 3 * 16
    assert told["trained_tokens"] == 3 * (2048 * 10 + 5 * 512) * 512
    solving = 3 * (5 * 512 + 8000 + 24) * 10
    assert told["gate_anchors"] == 1600 + 8 * 400
    assert told["attempts"] == solving + 2 * 3 * (4800 + 32) + 3 * 200 + 4 * 400
    assert told["sampled_tokens"] > told["trained_tokens"] and told["hours"] > 0


def test_the_gate_is_counted_by_the_terms_of_the_charter() -> None:
    small = plan(configure("smol", model="x/y-1B"))
    assert (small.gate_anchors, small.typical_gate_anchors) == (360 + 8 * 120, 240 + 8 * 30)
    longer = plan(configure("smol", model="x/y-1B", generations=12))
    wider = plan(configure("smol", model="x/y-1B", generations=13))
    # All ten tests are spent before the eleventh generation.
    turn = (32 + 128 + 8) * 8 + 2 * 32
    assert wider.attempts - longer.attempts == turn
    assert longer.attempts - small.attempts == 7 * turn + 5 * 2 * small.gate_anchors
    plain = plan(configure("smol", model="x/y-1B", charter="arithmetic", gate_items=50))
    assert (plain.gate_anchors, plain.typical_gate_anchors) == (50, 50)
    assert small.attempts - plain.attempts == 5 * 2 * (small.gate_anchors - 50)


def test_what_costs_more_is_told_to_cost_more() -> None:
    base = plan(configure())
    assert plan(configure(rank=0)).memory_gb > 2 * base.memory_gb
    assert plan(configure(dtype="float32")).memory_gb > 1.5 * base.memory_gb
    assert plan(configure(model="Qwen/Qwen3-8B-Base")).hours == pytest.approx(2 * base.hours, 0.01)
    assert plan(configure(proposer="uniform")).attempts < base.attempts
    assert plan(configure(device="cpu")).hours > 100 * base.hours


@pytest.mark.parametrize("tied", [True, False])
def test_a_folder_is_counted_not_believed(tmp_path: Path, tied: bool) -> None:
    folder = write_random_llama(tmp_path / "fake-7B", Seed(1), tied=tied)
    weights = load_file(folder / "model.safetensors")
    assert count_parameters(str(folder)) == sum(array.size for array in weights.values())
    assert plan(configure(model=str(folder))).parameters == count_parameters(str(folder))


@pytest.mark.parametrize(
    ("name", "size"), [("Qwen/Qwen3-0.6B", 6e8), ("org/SmolLM2-135M-Instruct", 1.35e8)]
)
def test_a_name_that_was_not_fetched_tells_its_size(name: str, size: float) -> None:
    assert count_parameters(name) == pytest.approx(size)


@pytest.mark.parametrize(
    ("name", "hint"), [("no-such-model", "smollm2"), ("org/unknown", "ratchet models get")]
)
def test_a_model_of_unknown_size_is_refused(name: str, hint: str) -> None:
    with pytest.raises(ModelError) as caught:
        plan(configure(model=name))
    assert name in caught.value.message and hint in caught.value.hint
