"""Policies side by side, on disk, exported, and in other processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from ratchet.core.codec import hash_files
from ratchet.core.errors import EngineError
from ratchet.core.seeds import Seed
from ratchet.engine.local import LocalEngine
from ratchet.engine.local import engine as module
from ratchet.engine.local.export import export_merged
from ratchet.engine.local.heap import release
from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.engine.models.random_llama import write_random_llama
from ratchet.engine.protocol import Adapter, Full, Optim, Sampling

KINDS = [Adapter(4), Full()]
TOKENS = (5, 6, 7, 8, 9, 10)
ROW = Row(TOKENS, (0.0, 0.0, 1.0, 1.0, 1.0, 1.0))
GREEDY = Sampling(seed=0, max_tokens=16, temperature=0.0)


def train(engine: LocalEngine, name: str, row: Row = ROW, steps: int = 2) -> None:
    for _ in range(steps):
        engine.forward_backward(name, Batch((row,)), CrossEntropy())
        engine.optim_step(name, Optim(lr=0.01))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_policies_of_one_base_are_isolated(
    engine: LocalEngine, model: str, kind: Adapter | Full
) -> None:
    for name in ("a", "b", "c"):
        engine.create(name, model, kind if name != "c" else Adapter(2))
    before = engine.score("b", [TOKENS])
    train(engine, "a")
    pinned = engine.pin("a")
    frozen = engine.score(pinned, [TOKENS])
    train(engine, "a")
    assert engine.score("b", [TOKENS]) == engine.score("c", [TOKENS]) == before
    assert engine.score(pinned, [TOKENS]) == frozen != before
    assert engine.score("a", [TOKENS]) != frozen


def test_sampling_follows_every_change(make: Callable[..., LocalEngine], model: str) -> None:
    """What is sampled after training, pinning or switching is what a fresh engine samples."""
    engine, fresh = make(), make()
    for name in ("a", "b"):
        engine.create(name, model, Adapter(4), seed=1)
    fresh.create("a", model, Adapter(4), seed=1)
    seen = []
    for _ in range(3):
        ours = engine.sample("a", [TOKENS], GREEDY)[0][0]
        engine.sample("b", [TOKENS], GREEDY)
        assert engine.sample(engine.pin("a"), [TOKENS], GREEDY)[0][0] == ours
        seen.append(ours)
        train(engine, "a")
        again = engine.sample("a", [TOKENS], GREEDY)[0][0]
        train(fresh, "a")
        assert fresh.sample("a", [TOKENS], GREEDY)[0][0] == again != ours
    assert engine.sample("b", [TOKENS], GREEDY)[0][0] == seen[0]


def test_adapters_share_one_base(engine: LocalEngine, model: str) -> None:
    engine.create("a", model, Adapter(4), seed=0)
    engine.create("b", model, Adapter(4), seed=1)
    a, b = engine.policy("a"), engine.policy("b")
    assert a.network is b.network
    own = sum(t.numel() for t in a.tensors().values())
    assert own < 0.3 * sum(p.numel() for p in a.network.named.values())
    assert len(a.tensors()) == 2 * 2 * 7  # two layers, seven linear layers each, A and B
    key = "model.layers.0.self_attn.q_proj.down"
    assert not torch.equal(a.tensors()[key], b.tensors()[key])
    assert not a.tensors()["model.layers.0.self_attn.q_proj.up"].any()


def test_an_adapter_that_adds_nothing_is_not_computed(engine: LocalEngine, model: str) -> None:
    engine.create("p", model, Adapter(4))
    policy = engine.policy("p")
    assert policy.reading() is policy.network
    with torch.no_grad():
        next(iter(policy.additions.values())).up[0, 0] = 1.0
    assert policy.reading() is not policy.network


def test_seed_decides_the_adapter(engine: LocalEngine, model: str) -> None:
    engine.create("a", model, Adapter(4), seed=9)
    torch.rand(3)
    engine.create("b", model, Adapter(4), seed=9)
    for left, right in zip(
        engine.policy("a").tensors().values(), engine.policy("b").tensors().values(), strict=True
    ):
        assert torch.equal(left, right)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_saved_policy_is_the_same_bit_for_bit(
    make: Callable[..., LocalEngine], model: str, kind: Adapter | Full, empty: Path
) -> None:
    one, two = make(), make()
    one.create("p", model, kind, seed=3)
    train(one, "p")
    one.save("p", empty)
    assert sorted(p.name for p in empty.iterdir()) == [
        "optimiser.safetensors",
        "policy.json",
        "weights.safetensors",
    ]
    two.load("q", empty)
    for engine, name in ((one, "p"), (two, "q")):
        train(engine, name)
    for left, right in zip(
        one.policy("p").tensors().values(), two.policy("q").tensors().values(), strict=True
    ):
        assert torch.equal(left, right)


@pytest.mark.parametrize("file", ["weights.safetensors", "optimiser.safetensors", "policy.json"])
def test_truncated_file_is_an_error_with_a_hint(
    engine: LocalEngine, model: str, empty: Path, file: str
) -> None:
    engine.create("p", model, Adapter(4))
    train(engine, "p")
    engine.save("p", empty)
    data = (empty / file).read_bytes()
    for cut in (0, 7, len(data) // 2, len(data) - 1):
        (empty / file).write_bytes(data[:cut])
        with pytest.raises(EngineError, match=file) as caught:
            engine.load("q", empty)
        assert caught.value.hint
    (empty / file).write_bytes(data)
    engine.load("q", empty)


def test_changed_weights_are_refused(engine: LocalEngine, model: str, empty: Path) -> None:
    engine.create("p", model, Adapter(4))
    engine.save("p", empty)
    path = empty / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(EngineError, match="changed"):
        engine.load("q", empty)


def test_weights_of_another_model_are_refused(
    make: Callable[..., LocalEngine], tmp_path: Path, empty: Path
) -> None:
    folder = tmp_path / "model"
    write_random_llama(folder, Seed(1))
    engine = make()
    engine.create("p", str(folder), Adapter(4))
    engine.save("p", empty)
    write_random_llama(folder, Seed(1), layers=3)
    with pytest.raises(EngineError, match="another model"):
        make().load("p", empty)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_export_generates_identically(
    engine: LocalEngine, model: str, kind: Adapter | Full, tmp_path: Path
) -> None:
    engine.create("p", model, kind)
    before = engine.sample("p", [TOKENS[:2]], GREEDY)[0][0].tokens
    train(engine, "p", steps=6)
    folder = export_merged(engine, "p", tmp_path / "export")
    loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokens = torch.tensor([TOKENS[:2]])
    theirs = loaded.generate(tokens, max_new_tokens=16, do_sample=False)[0, 2:].tolist()
    ours = engine.sample("p", [TOKENS[:2]], GREEDY)[0][0].tokens
    assert ours == tuple(theirs) != before
    engine.create("again", str(folder), Adapter(2))
    scores = [engine.score(name, [TOKENS])[0].logprobs for name in ("p", "again")]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    with pytest.raises(EngineError, match="not empty"):
        export_merged(engine, "p", folder)


def test_untied_head_is_saved_and_trained(engine: LocalEngine, tmp_path: Path, empty: Path) -> None:
    base = str(write_random_llama(tmp_path / "untied", Seed(2), tied=False))
    engine.create("p", base, Full())
    train(engine, "p")
    engine.save("p", empty)
    engine.load("q", empty)
    assert "lm_head.weight" in engine.policy("q").tensors()
    assert engine.score("p", [TOKENS]) == engine.score("q", [TOKENS])


def test_failed_create_leaves_the_name_free(engine: LocalEngine, model: str) -> None:
    with pytest.raises(EngineError, match="rank"):
        engine.create("p", model, Adapter(rank=0))
    with pytest.raises(EngineError, match="no model"):
        engine.create("p", "no such model", Adapter())
    engine.create("p", model, Adapter())


def test_settings_out_of_range_are_refused() -> None:
    settings: list[dict[str, Any]] = [{"dtype": "float16"}, {"threads": -1}, {"micro_tokens": 0}]
    for wrong in settings:
        with pytest.raises(EngineError):
            LocalEngine(**wrong)


SCRIPT = """
import sys
from pathlib import Path
from ratchet.engine.local import LocalEngine
from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.engine.protocol import Adapter, Optim, Sampling
engine = LocalEngine(threads=2)
engine.create("p", sys.argv[1], Adapter(8), seed=1)
prompts = [engine.encode("p", f"What is {i} + {i * i}? " * 3) for i in range(8)]
for seed in range(2):
    groups = engine.sample("p", prompts, Sampling(seed, 12, n=3))
    rows = [
        Row(p + c.tokens, (0.0,) * len(p) + (1.0,) * len(c.tokens))
        for p, group in zip(prompts, groups, strict=True) for c in group
    ]
    engine.forward_backward("p", Batch(tuple(rows)), CrossEntropy())
    engine.optim_step("p", Optim(lr=0.01))
engine.save("p", Path(sys.argv[2]))
"""


def test_processes_agree_bit_for_bit(tmp_path: Path) -> None:
    """Two threads, sampling and training: the saved policy is the same in every process."""
    base = str(write_random_llama(tmp_path / "model", Seed(1), width=96))
    hashes = set()
    for run in ("one", "two"):
        command = [sys.executable, "-c", SCRIPT, base, str(tmp_path / run)]
        patient = {**os.environ, "OMP_WAIT_POLICY": "passive"}  # no spinning beside other tests
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=patient)
        assert done.returncode == 0, done.stderr
        hashes.add(hash_files(tmp_path / run))
    assert len(hashes) == 1


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_bfloat16_computes_what_float32_does_roughly(model: str, kind: Adapter | Full) -> None:
    """What is trained stays in float32, so that small steps are not rounded away."""
    scores = []
    for dtype in ("float32", "bfloat16"):
        engine = LocalEngine(threads=1, dtype=dtype)
        engine.create("p", model, kind)
        assert {t.dtype for t in engine.policy("p").tensors().values()} == {torch.float32}
        first = engine.forward_backward("p", Batch((ROW,)), CrossEntropy()).loss
        engine.optim_step("p", Optim(lr=1e-3))
        assert engine.forward_backward("p", Batch((ROW,)), CrossEntropy()).loss < first
        (drawn,) = engine.sample("p", [TOKENS], Sampling(seed=1, max_tokens=6, n=2))
        assert all(len(c.tokens) <= 6 for c in drawn)
        scores.append(engine.score("p", [TOKENS])[0].logprobs)
    assert scores[1] == pytest.approx(scores[0], abs=0.3)
    assert scores[1] != scores[0]


def test_freed_memory_goes_back_when_the_kind_of_work_changes(
    engine: LocalEngine, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    released: list[str] = []
    monkeypatch.setattr(module, "release", lambda: released.append("now"))
    engine.create("p", model, Adapter(2))
    draw, batch = Sampling(0, 2), Batch((ROW,))
    for expected in (0, 0):
        engine.sample("p", [TOKENS], draw)
        assert len(released) == expected
    for expected in (1, 1):
        engine.forward_backward("p", batch, CrossEntropy())
        assert len(released) == expected
    engine.sample("p", [TOKENS], draw)
    assert len(released) == 2


def test_releasing_does_no_harm() -> None:
    kept = torch.ones(1000, 1000)
    release()
    assert float(kept.sum()) == 1e6
