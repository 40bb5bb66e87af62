"""Before and after: samples with their right flags, and the quality probe with its margin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.codec import from_data
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.core.task import Task
from ratchet.guard.charter import find_charter
from ratchet.loop.folder import RunFolder
from ratchet.loop.versions import Store
from ratchet.recipes.coevolution import epilogue
from ratchet.recipes.coevolution.epilogue import look_back
from ratchet.worlds.arithmetic import Arithmetic
from tests.recipes.conftest import Clean, Played, configure, read_ledger

Scores = list[tuple[float, int]]


@pytest.fixture
def played(tmp_path: Path) -> Played:
    return Played(configure(), Store(tmp_path / "versions"))


def look(played: Played) -> dict[str, Any]:
    """Look back on a run in which nothing happened."""
    state = played.initial(Seed(1))
    return look_back(played, state, state)


def worsen(monkeypatch: pytest.MonkeyPatch, by: float) -> None:
    """Make every text less likely the second time, by this many nats a token."""
    times: list[int] = []

    def score(engine: object, policy: str, texts: Sequence[str]) -> Scores:
        times.append(1)
        return [(10.0 * (2.0 + by * (len(times) - 1)), 10) for _ in texts]

    monkeypatch.setattr(epilogue, "score_texts", score)


def test_samples_say_what_was_answered_and_whether_it_is_right(clean: Clean) -> None:
    world, flags = Arithmetic(), []
    rows = clean.report["epilogue"]["samples"]
    assert len(rows) == 12
    for row in rows:
        assert set(row) == {"prompt", "before", "after", "correct_before", "correct_after"}
        task = world.parse(row["prompt"])
        assert isinstance(task, Task)
        for when in ("before", "after"):
            stated = row[when].rpartition("]")[2]
            assert row[f"correct_{when}"] is world.check(task, stated).passed
            flags.append(row[f"correct_{when}"])
    assert set(flags) == {True, False}


def test_after_is_the_final_solver(clean: Clean) -> None:
    body = read_ledger(clean.folder, "generation")[-1]
    initial = from_data(State, read_ledger(clean.folder, "start")[0]["initial"])
    recipe = Played(configure(quality_texts=0), RunFolder(clean.folder).store())
    found = look_back(recipe, initial, from_data(State, body["candidate"]))
    assert set(found) == {"samples"}
    assert [r["before"] for r in found["samples"]] != [r["after"] for r in found["samples"]]
    told = clean.report["epilogue"]["samples"]
    assert [r["before"] for r in found["samples"]] == [r["before"] for r in told]


def test_quality_has_its_numbers(clean: Clean) -> None:
    quality = clean.report["epilogue"]["quality"]
    assert set(quality) == {"before", "after", "relative", "margin", "within", "samples"}
    assert set(quality["relative"]) >= {"mean", "low", "high", "n"}
    assert quality["relative"]["n"] == len(quality["samples"]) == 4
    assert quality["margin"] == 0.25 and quality["within"] is True
    assert all(set(row) == {"prompt", "before", "after"} for row in quality["samples"])


@pytest.mark.parametrize(("by", "within"), [(0.0, True), (0.05, True), (0.5, False), (-0.5, True)])
def test_a_loss_beyond_the_margin_is_told(
    by: float, within: bool, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    worsen(monkeypatch, by)
    quality = look(played)["quality"]
    assert quality["within"] is within
    assert (quality["after"] > quality["before"]) == (by > 0)
    assert quality["relative"]["low"] <= quality["relative"]["mean"] <= quality["relative"]["high"]


def test_without_a_margin_nothing_exceeds_it(
    played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = find_charter("arithmetic").read_text(encoding="utf-8").partition("[quality]")[0]
    charter = tmp_path / "charter.toml"
    charter.write_text(text, encoding="utf-8")
    played.config = configure(charter=str(charter))
    worsen(monkeypatch, 2.0)
    quality = look(played)["quality"]
    assert quality["margin"] is None and quality["within"] is True
