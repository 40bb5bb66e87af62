"""What becomes of recipes that misbehave. The table in docs/safety.md is this file's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ratchet.cli import main
from ratchet.core.errors import RunError
from ratchet.guard.charter import find_charter
from ratchet.loop.folder import RunFolder
from ratchet.loop.position import read_position
from tests.end_to_end import misbehaving as m
from tests.end_to_end.small import Build, run

SAFETY = Path(__file__).parents[2] / "docs" / "safety.md"
TINY: dict[str, Any] = {"generations": 2, "gate_items": 20, "audit_items": 5, "final_items": 20}


@dataclass(frozen=True)
class Attempt:
    """One way to misbehave, and what it must come to."""

    tries: str
    build: Build
    outcome: str
    """``STATUS: NAME`` of what the ledger holds, or how else it ends."""
    toy: str = "toy_program"
    budget: str = ""
    meaning: str = "blocked; the run is invalid"


DETECTED = "detected; the run is invalid"
REJECTED = "detected; the candidate is rejected"
STOPPED = "stopped; what was finished stays"
ATTEMPTS = (
    Attempt("opens the evaluator's records", m.ReadsAnchors, "invalid: forbidden_anchors"),
    Attempt("opens them by a link", m.ReadsAnchorsByALink, "invalid: forbidden_anchors"),
    Attempt(
        "has another process read them, and trains on them",
        m.TrainsOnAnchorsReadElsewhere,
        "completed: contaminated",
        "toy_policy",
        meaning=REJECTED,
    ),
    Attempt(
        "asks the world for final anchors, and trains on them",
        m.TrainsOnAnchorsOfTheWorld,
        "completed: contaminated",
        "toy_policy",
        meaning=REJECTED,
    ),
    Attempt(
        "keeps the prompts its solver is measured on, and trains on them",
        m.TrainsOnWhatItWasAsked,
        "completed: contaminated",
        "toy_policy",
        meaning=REJECTED,
    ),
    Attempt(
        "trains on anchors and records nothing",
        m.TrainsOnAnchorsInSilence,
        "completed: unrecorded_training",
        "toy_policy",
        meaning=REJECTED,
    ),
    Attempt("edits the charter", m.EditsTheCharter, "invalid: forbidden_charter"),
    Attempt(
        "has another process edit it",
        m.EditsTheCharterElsewhere,
        "invalid: charter_changed",
        meaning=DETECTED,
    ),
    Attempt(
        "writes to the evaluator's source",
        m.OverwritesTheEvaluator,
        "invalid: forbidden_evaluator",
    ),
    Attempt(
        "has another process overwrite the world's source",
        m.OverwritesTheEvaluatorElsewhere,
        "invalid: evaluator_changed",
        meaning=DETECTED,
    ),
    Attempt("opens the ledger", m.WritesIntoTheLedger, "invalid: forbidden_ledger"),
    Attempt(
        "has another process append a promotion that fits the chain",
        m.WritesIntoTheLedgerElsewhere,
        "invalid: ledger_changed",
        meaning=DETECTED,
    ),
    Attempt(
        "promotes itself: changes every state it was given or gave away",
        m.PromotesItselfInMemory,
        "completed: nothing",
        meaning="without effect: they were copies",
    ),
    Attempt(
        "promotes itself: overwrites the incumbent's files",
        m.PromotesItselfOnDisk,
        "invalid: forbidden_version",
    ),
    Attempt(
        "has another process overwrite them",
        m.PromotesItselfOnDiskElsewhere,
        "error: damaged",
        meaning="detected when opened; the run stops and names the version",
    ),
    Attempt(
        "goes on when its tokens are spent",
        m.OverspendsTokens,
        "halted: budget_tokens",
        budget="tokens = 1000",
        meaning=STOPPED,
    ),
    Attempt(
        "never comes back",
        m.OverspendsTime,
        "halted: budget_seconds",
        budget="seconds = 1",
        meaning=STOPPED,
    ),
)


def table() -> str:
    """Return the table of the docs."""
    rows = ["| a recipe that | comes to | what the run says |", "|---|---|---|"]
    for a in ATTEMPTS:
        said = a.outcome.partition(": ")[2]
        name = {"nothing": "", "damaged": "`version ... is damaged`"}.get(said, f"`{said}`")
        rows.append(f"| {a.tries} | {a.meaning} | {name} |")
    return "\n".join(rows)


def test_the_table_in_the_docs_is_the_one_that_is_tested() -> None:
    assert table() in SAFETY.read_text("utf-8"), table()


def place(folder: Path, toy: str, budget: str) -> Path:
    """Write a charter of the test's own, on a world whose source it may lose."""
    text = find_charter("functions" if toy == "toy_program" else "arithmetic").read_text("utf-8")
    if toy == "toy_program":
        (folder / "own_world.py").write_text(
            "from ratchet.worlds.functions import Functions\nclass Own(Functions): ...\n"
        )
        text = text.replace("ratchet.worlds.functions:Functions", "own_world:Own")
    path = folder / "charter.toml"
    path.write_text(f"{text}\n[budget]\n{budget}\n")
    return path


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda a: a.build.__name__)
def test_a_recipe_that_misbehaves_comes_to_what_the_table_says(
    attempt: Attempt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    charter = place(tmp_path, attempt.toy, attempt.budget)
    text, path = charter.read_text(), tmp_path / "run"
    m.TrainsOnWhatItWasAsked.asked = []
    status, _, name = attempt.outcome.partition(": ")
    try:
        report = run(path, attempt.toy, attempt.build, charter=str(charter), **TINY)
    except RunError as error:
        assert status == "error" and name in error.message and error.hint
        with RunFolder(path).ledger() as ledger:
            assert [entry.kind for entry in ledger.entries()] == ["start"]
        return
    assert report["status"] == status
    found = [f["name"] for g in report["generations"] for f in g["findings"]]
    if status in ("invalid", "halted"):
        assert report["stopped"]["name"] == name and name not in report["stopped"]["message"]
        assert report["generations"] == [] and report["final"]["score"] is None
    elif name != "nothing":
        assert name in found
        blamed = [g for g in report["generations"] if g["findings"]]
        assert {g["decision"] for g in blamed} == {"reject"}
    # Whatever was tried, the incumbent is what the gate let pass, and the ledger still folds.
    with RunFolder(path).ledger() as ledger:
        entries = list(ledger.entries())
    if name != "ledger_changed":
        position = read_position(entries, record_only=False)
        assert position is not None
        promoted = "promote" in [g["decision"] for g in report["generations"]]
        assert promoted or position.incumbent.hash == position.initial.hash
    if "forbidden" in name:
        assert charter.read_text() == text
    assert "forged" not in str(report)


def test_an_invalid_run_says_why_and_stays_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    charter = place(tmp_path, "toy_program", "")
    text = charter.read_text()
    run(tmp_path / "run", "toy_program", m.EditsTheCharterElsewhere, charter=str(charter), **TINY)
    charter.write_text(text)
    assert main(["resume", str(tmp_path / "run"), "--quiet"]) == 1
    told = capsys.readouterr().out
    assert "This run is invalid" in told and "charter_changed" in told
    page = (tmp_path / "run" / "report.html").read_text()
    assert "No number of this run should be used." in page
