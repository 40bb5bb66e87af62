"""A generation done again: equal, or the first difference is named; and the run stays as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ratchet.cli import main
from ratchet.core.errors import RunError
from ratchet.core.state import Candidate, State
from ratchet.loop.folder import RunFolder
from ratchet.loop.recipe import Context, Recipe
from ratchet.loop.replay import Replayed, replay
from ratchet.loop.versions import Store
from ratchet.recipes.launch import read_config
from ratchet.recipes.toy_policy.recipe import Config, ToyPolicy
from tests.proof.conftest import Copy


def snapshot(path: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(p.relative_to(path)): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"")
        for p in [path, *path.rglob("*")]
    }


def again(path: Path, generation: int, kind: type[ToyPolicy] = ToyPolicy) -> Replayed:
    folder = RunFolder(path)
    config = read_config(folder)
    assert isinstance(config, Config)

    def build(store: Store) -> Recipe:
        return kind(config, store)

    return replay(folder, config, build, generation)


@pytest.mark.parametrize(("generation", "started"), [(1, 1), (2, 1), (3, 3)])
def test_every_generation_comes_out_the_same(whole: Path, generation: int, started: int) -> None:
    before = snapshot(whole)
    found = again(whole, generation)
    assert found.difference is None and found.same_code
    # Generation 2 began from a branch that was pruned, so generation 1 is done again first.
    assert found.started == started
    assert snapshot(whole) == before


class Other(ToyPolicy):
    """A toy that takes another step in one generation."""

    at: int = 0
    drops: bool = False

    def improve(self, state: State, context: Context) -> Candidate:
        candidate = super().improve(state, context)
        if context.generation != self.at:
            return candidate
        if self.drops:
            return Candidate(candidate.state, candidate.records[:-1])
        return Candidate(state, candidate.records)


def test_another_state_is_named(whole: Path) -> None:
    found = again(whole, 3, type("Stays", (Other,), {"at": 3}))
    assert found.difference is not None and not found.same_code
    assert found.difference[0].startswith("candidate.components.")


def test_another_record_is_named(whole: Path) -> None:
    found = again(whole, 1, type("Drops", (Other,), {"at": 1, "drops": True}))
    assert found.difference is not None
    place, ours, theirs = found.difference
    count = len(RunFolder(whole).read_records(1))
    assert (place, ours) == (f"records line {count}", '"nothing"') and "attempt" in theirs


def test_a_difference_on_the_way_is_named(whole: Path) -> None:
    found = again(whole, 2, type("Strays", (Other,), {"at": 1}))
    assert found.difference is not None
    assert found.difference[0].startswith("generation 1 on the way: ")


def test_what_cannot_be_replayed_says_why(copy: Copy) -> None:
    path = copy()
    with pytest.raises(RunError, match="no generation 9") as caught:
        again(path, 9)
    assert "1 to 3" in caught.value.hint
    start: Mapping[str, Any]
    with RunFolder(path).reading() as ledger:
        start = next(ledger.entries("start")).body
    policy = start["initial"]["components"]["solver"]["hash"]
    (path / "versions" / policy).rename(path / "versions" / "elsewhere")
    with pytest.raises(RunError, match="nothing is left to make it from"):
        again(path, 1)


def test_the_command_tells_and_exits_by_the_outcome(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy()
    assert main(["replay", str(path), "--generation", "3", "--quiet", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["equal"] and told["difference"] is None and told["records"] > 0
    records = RunFolder(path).read_records(1)
    RunFolder(path).write_records(1, list(records)[1:])
    assert main(["replay", str(path), "--generation", "2", "--quiet"]) == 0, "it needs no records"
    assert "made again from generation 1 on" in capsys.readouterr().out
    assert main(["replay", str(path), "--generation", "0"]) == 2
    assert "next: name one of 1 to 3" in capsys.readouterr().err
