"""Small models that know Countdown: named by what made them, made once, whole or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from ratchet.core.errors import ModelError
from ratchet.core.seeds import Seed
from ratchet.engine.local import LocalEngine
from ratchet.engine.models import resolve
from ratchet.engine.models.folder import cache_folder
from ratchet.engine.protocol import Full
from ratchet.recipes.contextual_drag import weights
from ratchet.recipes.contextual_drag.weights import Warm, batches, find_base, prepare
from ratchet.recipes.tiny_model.tokenizer import create_tokenizer

TINY = Warm(steps=2, rows=2, length=48, pool=20)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("RATCHET_CACHE", str(tmp_path / "cache"))
    yield tmp_path / "cache"


def test_a_model_is_made_once_and_found_by_engines() -> None:
    name = prepare("small", 1, TINY)
    made = (cache_folder() / name / "model.safetensors").stat().st_mtime_ns
    assert prepare("small", 1, TINY) == name == find_base("countdown-small", 1, TINY)
    assert (cache_folder() / name / "model.safetensors").stat().st_mtime_ns == made
    engine = LocalEngine(threads=1)
    engine.create("p", name, Full())
    assert engine.policy("p").base.name == name
    width = json.loads((resolve(name) / "config.json").read_text())["hidden_size"]
    assert width == weights.WIDTHS["small"]


def test_other_settings_make_another_model() -> None:
    names = {
        prepare("small", 1, TINY),
        prepare("small", 2, TINY),
        prepare("small", 1, replace(TINY, steps=1)),
        prepare("small", 1, replace(TINY, reliability=0.5)),
    }
    assert len(names) == 4


def test_a_kill_leaves_nothing_that_is_taken_for_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(weights, "save_model", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare("small", 1, TINY)
    name = prepare("small", 1, TINY)
    (cache_folder() / name / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(ModelError, match="there is no model"):
        resolve(name)
    assert prepare("small", 1, TINY) == name
    assert resolve(name) == cache_folder() / name


def test_those_who_ask_at_once_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    make = weights._make

    def counted(*args: Any) -> None:
        made.append(1)
        make(*args)

    monkeypatch.setattr(weights, "_make", counted)
    asking = [threading.Thread(target=prepare, args=("small", 1, TINY)) for _ in range(3)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(made) == 1


def test_any_other_model_is_taken_as_it_is() -> None:
    assert find_base("tiny", 1, TINY) == "tiny"
    assert find_base("countdown-huge", 1, TINY) == "countdown-huge"


def test_replies_count_fully_and_what_comes_before_them_little() -> None:
    warm = replace(TINY, rows=4, length=120)
    tokens, worth = next(islice(batches(warm, Seed(1)), 2, None))
    assert tokens.shape == (4, 121) and worth.shape == (4, 120)
    assert sorted(set(worth.flatten().tolist())) == pytest.approx([warm.question_weight, 1.0])
    for row, weight in zip(tokens, worth, strict=True):
        counted = create_tokenizer().decode(row[1:][weight == 1.0].tolist())
        assert "Problem" not in counted and "Draft" not in counted and "\n\n" in counted
    assert not torch.equal(tokens, next(batches(warm, Seed(1)))[0])
