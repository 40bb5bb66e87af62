"""Versions, pruning and rollback on real runs of the toy with two learning policies."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.cli import main
from ratchet.core.errors import RunError
from ratchet.core.evidence import Verb
from ratchet.loop.folder import RunFolder
from ratchet.loop.history import leftovers, list_versions, prune, read_run, roll_back
from ratchet.loop.position import Position
from tests.end_to_end.small import ScriptedGate, run
from tests.end_to_end.test_turns import TINY, Acting, positions
from tests.proof.conftest import Copy, first_problem

P, H = Verb.PROMOTE, Verb.HOLD
Start = Callable[..., Path]


class Stop(Exception):
    pass


def stop_after(generation: int) -> Callable[[Any], None]:
    def listen(event: Any) -> None:
        if event.kind == "decision" and event.data["generation"] == generation:
            raise Stop

    return listen


def play(path: Path, verbs: list[Verb], until: int | None = None, **settings: Any) -> None:
    """Run as written down, or go on with a run, and stop after a generation."""
    gate, given = ScriptedGate(verbs), {**TINY, "generations": len(verbs), **settings}
    if until is None:
        run(path, "toy_policy", Acting, gate, **given)
        return
    with pytest.raises(Stop):
        run(path, "toy_policy", Acting, gate, stop_after(until), **given)


def now(path: Path) -> Position:
    return read_run(RunFolder(path), False)[-1][1]


def test_going_back_is_one_more_entry_and_the_run_goes_on_from_there(tmp_path: Path) -> None:
    path = tmp_path / "run"
    play(path, [P, P, H, H], until=3)
    folder, at = RunFolder(path), positions(path)
    with folder.reading() as ledger:
        before = list(ledger.entries())
    files = {p.name for p in (path / "versions").iterdir()}
    _, fresh = roll_back(folder, 2)
    assert fresh == ()
    with folder.reading() as ledger:
        after = list(ledger.entries())
    assert after[:-1] == before and after[-1].kind == "rollback"
    assert {p.name for p in (path / "versions").iterdir()} == files
    back = now(path)
    assert back.incumbent == back.branch == at[2].incumbent
    assert (back.holds, back.generation, back.promoted) == (0, 3, at[3].promoted)
    play(path, [P, P, H, H])
    assert first_problem(path) is None or "report.json" in str(first_problem(path))
    assert now(path).generation == 4
    assert now(path).branch["solver"] != at[3].branch["solver"]


def test_a_pruned_version_starts_a_fresh_optimiser_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run"
    play(path, [P, P, H], until=2)
    at = positions(path)
    _, fresh = roll_back(RunFolder(path), 1)
    assert fresh == ("proposer.optimiser", "solver.optimiser")
    assert now(path).incumbent["solver"] == at[1].incumbent["solver"]
    assert "solver.optimiser" not in now(path).incumbent
    play(path, [P, P, H])
    assert "solver.optimiser" in now(path).branch


def test_returning_twice_takes_back_what_has_not_been_removed_yet(tmp_path: Path) -> None:
    path = tmp_path / "run"
    play(path, [P, P, H], until=2)
    roll_back(RunFolder(path), 0)
    after, fresh = roll_back(RunFolder(path), 2)
    assert fresh == () and after.incumbent == positions(path)[2].incumbent
    with pytest.raises(RunError, match="is at generation 2 already"):
        roll_back(RunFolder(path), 2)


def test_parameters_go_back_with_the_state(tmp_path: Path) -> None:
    from ratchet.core.findings import SetParameter

    path = tmp_path / "run"
    built = type("Set", (Acting,), {"actions": {2: SetParameter("level", 3.0)}})
    settings: dict[str, Any] = {**TINY, "generations": 3}
    with pytest.raises(Stop):
        run(path, "toy_policy", built, ScriptedGate([P, P, H]), stop_after(2), **settings)
    assert now(path).parameters["level"] == 3.0
    roll_back(RunFolder(path), 1)
    assert now(path).parameters["level"] == 1.0


def test_what_is_gone_or_damaged_is_not_gone_back_to(tmp_path: Path) -> None:
    path = tmp_path / "run"
    play(path, [P, P, H], until=2)
    before = now(path)
    policy = path / "versions" / positions(path)[1].incumbent["solver"].hash
    shutil.rmtree(policy)
    with pytest.raises(RunError, match="is missing"):
        roll_back(RunFolder(path), 1)
    with pytest.raises(RunError, match=r"no generation 7; the last is 2") as caught:
        roll_back(RunFolder(path), 7)
    assert f"ratchet versions {path}" in caught.value.hint
    assert now(path) == before


def test_a_control_is_not_moved(tmp_path: Path) -> None:
    path = tmp_path / "run"
    play(path, [P, P], until=1, gate="record")
    with pytest.raises(RunError, match="is a control"):
        roll_back(RunFolder(path), 0)


def test_a_run_in_its_final_measurement_is_not_moved(tmp_path: Path) -> None:
    path = tmp_path / "run"
    play(path, [P, P], until=1)
    (path / "evaluator" / "final.json").write_text("{}")
    with pytest.raises(RunError, match="final measurement") as caught:
        roll_back(RunFolder(path), 0)
    assert f"ratchet resume {path}" in caught.value.hint


def test_the_list_says_what_is_whole_pruned_and_gone(tmp_path: Path) -> None:
    path = tmp_path / "run"
    play(path, [P, H, P, H])
    versions, stages = list_versions(RunFolder(path), False)
    told = [(s.generation, s.decision, s.files) for s in stages]
    assert told == [
        (0, "start", "whole"),
        (1, "promote", "pruned"),
        (2, "hold", "gone"),
        (3, "promote", "whole"),
        (4, "hold", "whole"),
    ]
    assert [s.now for s in stages] == [(), (), (), ("incumbent",), ("branch",)]
    assert all((v.bytes is not None) == v.stays for v in versions)
    with RunFolder(path).reading() as ledger:
        marked = [entry.body["pruned"] for entry in ledger.entries("generation")]
    lost = {v.hash for v in versions if v.generation == 1 and v.kind == "optimiser"}
    assert marked == [[], [], sorted(lost), []]


def test_pruning_is_dry_until_asked_for(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    path = copy()
    (path / "versions" / "left").mkdir()
    (path / "versions" / "left" / "file").write_text("x" * 2000)
    assert main(["versions", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["would_remove"] == {"left": 2000}
    assert (path / "versions" / "left").exists()
    assert main(["versions", str(path)]) == 0
    assert f"next: ratchet versions {path} --prune" in capsys.readouterr().out
    assert main(["versions", str(path), "--prune", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == {"left": 2000}
    assert not (path / "versions" / "left").exists()
    assert leftovers(RunFolder(path), False) == {} == prune(RunFolder(path), False)
    assert first_problem(path) is None


def test_an_ended_run_goes_back_without_going_on(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy()
    report = json.loads((path / "report.json").read_text())
    assert main(["rollback", str(path), "--generation", "0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ended"] and told["next"] == "" and told["fresh"] == []
    assert now(path).incumbent == now(path).initial
    again = json.loads((path / "report.json").read_text())
    assert again["final"] == report["final"] and again["states"]["incumbent"] == told["state"]
    assert [i["kind"] for i in again["interventions"]] == ["approval", "rollback"]
    assert main(["resume", str(path), "--quiet", "--json"]) == 0
    assert first_problem(path) is None
    assert main(["rollback", str(path), "--generation", "0"]) == 2
    assert "already" in capsys.readouterr().err


@pytest.mark.slow
def test_a_rollback_is_the_no_to_what_waits(tmp_path: Path, whole: Path) -> None:
    from ratchet.recipes.launch import launch, read_config, resume

    config = read_config(RunFolder(whole))
    path = tmp_path / "run"
    assert launch(config, path)["status"] == "needs_approval"
    assert now(path).pending is not None
    roll_back(RunFolder(path), 0)
    assert now(path).pending is None and now(path).ending is None
    report = resume(path)
    assert report["status"] != "needs_approval" or len(report["generations"]) > 2
    assert first_problem(path) is None
