"""Budgets, amendments and tampering in the ledger: proved, replayed, and found when forged."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.codec import hash_data
from ratchet.core.errors import TamperedError
from ratchet.guard.charter import Charter, find_charter
from ratchet.loop.folder import RunFolder
from ratchet.loop.history import list_versions
from ratchet.loop.ledger import Ledger
from ratchet.loop.problem import Problem
from ratchet.loop.proof import Proof
from ratchet.loop.replay import Replayed, replay
from ratchet.recipes.launch import find_method, read_config, resume
from ratchet.report.difference import compare_sides, read_side
from ratchet.report.summary import summarise
from tests.end_to_end import misbehaving as m
from tests.end_to_end.small import Build, run

TINY: dict[str, Any] = {
    "generations": 3,
    "mutants": 20,
    "gate_items": 10,
    "audit_items": 5,
    "final_items": 20,
}
Body = dict[str, Any]


def problems(path: Path) -> list[Problem]:
    return list(Proof(RunFolder(path)).problems())


def set_budget(path: Path, budget: str) -> Path:
    path.write_text(find_charter("functions").read_text("utf-8") + f"\n[budget]\n{budget}\n")
    return path


def again(path: Path, generation: int, build: Build | None = None) -> Replayed:
    config = read_config(RunFolder(path))
    made = build or find_method(config.recipe).module.build
    return replay(RunFolder(path), config, lambda store: made(config, store), generation)


@pytest.fixture
def amended(tmp_path: Path) -> Path:
    """Return a run that was halted twice, whose budget was raised once and then lifted."""
    charter, path = tmp_path / "charter.toml", tmp_path / "run"
    run(path, "toy_program", charter=str(set_budget(charter, "generations = 1")), **TINY)
    set_budget(charter, "generations = 2")
    assert resume(path, approve=True)["status"] == "halted"
    set_budget(charter, "")
    assert resume(path, approve=True)["status"] == "completed"
    return path


def test_a_run_whose_budget_was_changed_is_proved_and_replayed(amended: Path) -> None:
    assert problems(amended) == []
    told = summarise(RunFolder(amended))["interventions"]
    assert [(step["kind"], step["after"]) for step in told] == [("amendment", 1), ("amendment", 2)]
    assert told[0]["reason"] == "the budget was changed: generations from 1 to 2"
    for generation in (1, 2, 3):
        found = again(amended, generation)
        assert found.difference is None and found.same_code
    # Under the budget of the start, too: it shapes nothing.
    set_budget(amended.parent / "charter.toml", "generations = 1")
    assert again(amended, 3).difference is None


def test_a_halted_run_is_proved_and_so_is_its_finish(tmp_path: Path) -> None:
    charter, path = set_budget(tmp_path / "charter.toml", "generations = 2"), tmp_path / "run"
    run(path, "toy_program", charter=str(charter), **TINY)
    assert problems(path) == []
    RunFolder(path).write_records(3, [])  # of a generation that the budget cut short
    assert problems(path) == []
    assert resume(path, finish=True)["status"] == "halted"
    assert problems(path) == []


def rewrite(path: Path, change: Callable[[str, Body], None]) -> None:
    """Write a run's ledger anew, each entry as it is or changed, chain and head whole again."""
    with RunFolder(path).reading() as opened:
        rows = [(entry.kind, entry.body) for entry in opened.entries()]
    for file in path.glob("ledger.*"):
        file.unlink()
    with closing(Ledger(path / "ledger.sqlite")) as made:
        for kind, body in rows:
            change(kind, body)
            made.append(kind, body)


def _reworded(body: Body) -> None:
    body["reason"] += "!"


def _other_terms(body: Body) -> None:
    body["terms"]["objective"] = "another"
    body["charter"] = Charter.build(body["terms"]).hash


def _other_content(body: Body) -> None:
    body["terms"]["budget"]["generations"] = 7


def _less_used(body: Body) -> None:
    body["finding"]["measures"]["used"] = 0.0


def _other_limit(body: Body) -> None:
    body["finding"]["measures"]["limit"] = 2.0


def _other_message(body: Body) -> None:
    body["finding"]["message"] += "!"


def _tampered(body: Body) -> None:
    body["trusted"] = 2


@pytest.mark.parametrize(
    ("kind", "forge"),
    [
        ("amendment", _reworded),
        ("amendment", _other_terms),
        ("amendment", _other_content),
        ("halt", _less_used),
        ("halt", _other_limit),
        ("halt", _other_message),
        ("halt", _tampered),
    ],
)
def test_a_forged_halt_or_amendment_is_named(
    kind: str, forge: Callable[[Body], None], amended: Path
) -> None:
    seen: list[int] = []

    def change(found: str, body: Body) -> None:
        seen.append(len(seen))
        if found == kind and "done" not in marks:
            marks["done"] = seen[-1]
            forge(body)

    marks: dict[str, int] = {}
    rewrite(amended, change)
    assert f"ledger entry {marks['done']}" in [problem.where for problem in problems(amended)]


@pytest.fixture
def forged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a run into whose ledger another process wrote a promotion in its second generation."""

    class Forges(m.WritesIntoTheLedgerElsewhere):
        def misbehave(self, state: Any, context: Any) -> None:
            if context.generation == 2:
                super().misbehave(state, context)

    path = tmp_path / "run"
    run(path, "toy_program", Forges, **TINY)
    return path


def test_what_another_process_wrote_counts_nowhere(forged: Path) -> None:
    proof = Proof(RunFolder(forged))
    assert list(proof.problems()) == []
    told = "1 entries were written by another process: they do not count"
    assert told in proof.notes.lines
    assert [entry.kind for entry in proof.entries] == ["start", "generation", "halt", "end"]
    folder = RunFolder(forged)
    assert len(list_versions(folder, False)[1]) == 2
    assert compare_sides(read_side(folder, 0), read_side(folder, 1))
    assert again(forged, 1).difference is None
    assert "forged" not in str(summarise(folder))


def test_a_kill_before_the_end_of_an_invalid_run_makes_it_no_other(forged: Path) -> None:
    with RunFolder(forged).reading() as opened:
        rows = [(entry.kind, entry.body) for entry in opened.entries()][:-1]
    for file in forged.glob("ledger.*"):
        file.unlink()
    with closing(Ledger(forged / "ledger.sqlite")) as made:
        for kind, body in rows:
            made.append(kind, body)
    assert resume(forged)["status"] == "invalid"
    assert problems(forged) == []


def test_an_entry_of_another_process_is_noticed_and_one_that_was_cut_short_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(Ledger(path)) as ours:
        ours.append("start", {})
        with closing(Ledger(path)) as theirs:
            theirs.append("generation", {})
        with pytest.raises(TamperedError, match="ledger_changed"):
            ours.append("generation", {})
        assert ours.accept() == 1
        assert ours.append("halt", {}).seq == 2
    with closing(Ledger(path)) as ours:
        # A stop right behind the commit: the entry is there, and is our own.
        ours._known = type(ours._known)(2, ours._known.hash, ours.head.hash)
        assert ours.accept() == 3
        assert ours.append("end", {}).seq == 3


def test_replay_knows_the_anchors_that_were_drawn_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a world that cannot tell reserved tasks, only what was drawn tells contamination."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "blind_world.py").write_text(
        "from ratchet.core.task import Rejection, Task\n"
        "from ratchet.worlds.arithmetic import Arithmetic\n"
        "class Blind(Arithmetic):\n"
        "    def parse(self, text): return Rejection('unknown', 'it cannot tell')\n"
    )
    text = find_charter("arithmetic").read_text("utf-8")
    charter = tmp_path / "charter.toml"
    charter.write_text(text.replace("ratchet.worlds.arithmetic:Arithmetic", "blind_world:Blind"))
    monkeypatch.setattr(m.TrainsOnWhatItWasAsked, "asked", [])
    path = tmp_path / "run"
    tiny = {**TINY, "generations": 1, "audit_items": 12, "charter": str(charter)}
    del tiny["mutants"]
    report = run(path, "toy_policy", m.TrainsOnWhatItWasAsked, **tiny)
    (found,) = (f for g in report["generations"] for f in g["findings"])
    assert found["name"] == "contaminated" and "anchors of this run" in found["message"]
    assert again(path, 1, m.TrainsOnWhatItWasAsked).difference is None


def test_the_charter_in_the_ledger_is_whole(amended: Path) -> None:
    with RunFolder(amended).reading() as ledger:
        bodies = [e.body for e in ledger.entries() if e.kind in ("start", "amendment")]
    charters = [Charter.build(body["terms"]) for body in bodies]
    assert [c.budget.generations for c in charters] == [1, 2, None]
    assert [c.hash for c in charters] == [hash_data(body["terms"]) for body in bodies]
    assert {c.fixed_hash for c in charters} == {charters[2].hash}
