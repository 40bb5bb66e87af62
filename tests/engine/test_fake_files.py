"""Saved fake policies: same value, same bytes; anything else is refused with a hint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ratchet.core.codec import hash_files
from ratchet.core.errors import EngineError
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.fake.characters import FIRST_ACTION
from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.engine.protocol import Full, Optim


def trained(*texts: str) -> FakeEngine:
    fake = FakeEngine({"t": Tabular(("a", "b"), str)})
    fake.create("p", "t", Full())
    rows = tuple(Row((ord(text), FIRST_ACTION), (0.0, 1.0)) for text in texts)
    fake.forward_backward("p", Batch(rows), CrossEntropy())
    fake.optim_step("p", Optim(lr=0.1))
    return fake


def test_order_of_training_does_not_show(tmp_path: Path) -> None:
    trained("x", "y").save("p", tmp_path / "one")
    trained("y", "x").save("p", tmp_path / "two")
    trained("y", "z").save("p", tmp_path / "three")
    one, two, three = (hash_files(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two != three


def test_saving_without_moments_removes_old_ones(tmp_path: Path) -> None:
    fake = trained("x")
    fake.save("p", tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["optimiser.json", "policy.json"]
    fake.save("p", tmp_path, optimiser=False)
    assert [p.name for p in tmp_path.iterdir()] == ["policy.json"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("policy.json", "{}", "not a saved fake policy"),
        ("policy.json", "[1, 2", "cut short"),
        ("policy.json", b"\xff\xfe", "not text"),
        ("optimiser.json", "", "cut short"),
        ("optimiser.json", '{"format": "other"}', "not a saved fake policy"),
    ],
)
def test_foreign_files_are_refused(
    tmp_path: Path, name: str, content: str | bytes, reason: str
) -> None:
    trained("x").save("p", tmp_path)
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(data)
    with pytest.raises(EngineError, match=reason) as caught:
        trained("x").load("q", tmp_path)
    assert name in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("value", [[[0.0, float("nan")]], [[0.0]], []])
def test_numbers_that_do_not_fit_are_refused(tmp_path: Path, value: object) -> None:
    trained("x").save("p", tmp_path, optimiser=False)
    path = tmp_path / "policy.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "logits": value}))
    with pytest.raises(EngineError, match=r"policy\.json has"):
        trained("x").load("q", tmp_path)


def test_moments_of_other_weights_are_refused(tmp_path: Path) -> None:
    trained("x").save("p", tmp_path / "one")
    trained("y").save("p", tmp_path / "two")
    (tmp_path / "one/optimiser.json").replace(tmp_path / "two/optimiser.json")
    with pytest.raises(EngineError, match="belongs to other weights"):
        trained("x").load("q", tmp_path / "two")


def test_another_base_is_refused(tmp_path: Path) -> None:
    trained("x").save("p", tmp_path)
    other = FakeEngine({"t": Tabular(("a", "c"), str)})
    with pytest.raises(EngineError, match="with other actions"):
        other.load("p", tmp_path)
    with pytest.raises(EngineError, match="no base is named 't'"):
        FakeEngine({}).load("p", tmp_path)
    with pytest.raises(EngineError, match="cannot be read"):
        other.load("p", tmp_path / "nowhere")
