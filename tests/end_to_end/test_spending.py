"""Budgets: each stops a run cleanly, says what to do, and a person may raise it or finish."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.cli import main
from ratchet.core.errors import RunError
from ratchet.core.events import Event
from ratchet.core.state import Candidate, State
from ratchet.core.task import Cost
from ratchet.guard.charter import Charter, find_charter
from ratchet.loop.folder import RunFolder
from ratchet.loop.recipe import Context
from ratchet.recipes.launch import resume
from ratchet.recipes.toy_program.recipe import ToyProgram
from tests.end_to_end.small import Build, run

TINY: dict[str, Any] = {
    "generations": 3,
    "mutants": 20,
    "gate_items": 10,
    "audit_items": 5,
    "final_items": 20,
}
Make = Callable[..., dict[str, Any]]


class Counting(ToyProgram):
    """Reports ten tokens written and five read for each generation it has worked on."""

    tokens = 0

    def improve(self, state: State, context: Context) -> Candidate:
        self.tokens += 10
        return super().improve(state, context)

    def spent(self) -> Cost:
        return Cost(tokens=self.tokens, prompt_tokens=self.tokens // 2)


class Stubborn(Counting):
    """Takes no stop from anyone while it works, and tells nothing."""

    def improve(self, state: State, context: Context) -> Candidate:
        candidate = super().improve(state, context)
        for _ in range(15):
            try:
                time.sleep(0.1)
            except Exception:
                self.tokens += 1
        return candidate


class Endless(ToyProgram):
    """Never comes back and tells nothing; a test that is not stopped fails after a minute."""

    def improve(self, state: State, context: Context) -> Candidate:
        time.sleep(60)
        raise AssertionError("nobody stopped it")


class Heavy(ToyProgram):
    """Keeps half a megabyte a generation."""

    def improve(self, state: State, context: Context) -> Candidate:
        candidate = super().improve(state, context)
        noise = self.store.write("pool", "noise.txt", str(context.generation) * 500_000)
        return Candidate(candidate.state.replace(noise=noise))


@pytest.fixture
def charter(tmp_path: Path) -> Callable[[str], Path]:
    """Return a writer of the charter under which the runs of a test go."""

    def write(budget: str) -> Path:
        path = tmp_path / "charter.toml"
        path.write_text(find_charter("functions").read_text("utf-8") + f"\n[budget]\n{budget}\n")
        return path

    return write


@pytest.fixture
def make(tmp_path: Path, charter: Callable[[str], Path]) -> Make:
    """Return a runner of small runs under a budget."""

    def start(budget: str, build: Build | None = None, **more: Any) -> dict[str, Any]:
        path = str(charter(budget))
        return run(tmp_path / "run", "toy_program", build, charter=path, **{**TINY, **more})

    return start


def kinds(folder: Path) -> list[str]:
    with RunFolder(folder).ledger() as ledger:
        return [entry.kind for entry in ledger.entries()]


@pytest.mark.parametrize(
    ("budget", "build", "name", "generations"),
    [
        ("tokens = 20", Counting, "budget_tokens", 1),
        ("tokens = 25", Counting, "budget_tokens", 2),
        ("generations = 1", None, "budget_generations", 1),
        ("money = 0.0003\ntoken_price = 10", Counting, "budget_money", 2),
        ("money = 0.0003\ntoken_price = 10\nprompt_token_price = 30", Counting, "budget_money", 1),
        ("disk_mb = 0.9", Heavy, "budget_disk_mb", 1),
        ("seconds = 1", Endless, "budget_seconds", 0),
    ],
)
def test_each_budget_stops_a_run_and_is_named(
    budget: str, build: Build | None, name: str, generations: int, make: Make, tmp_path: Path
) -> None:
    report = make(budget, build)
    assert report["status"] == "halted"
    assert report["stopped"]["name"] == name and report["stopped"]["action"] == "halt"
    assert "is spent" in report["stopped"]["message"]
    assert len(report["generations"]) == generations
    assert report["final"]["score"] is None
    assert not (tmp_path / "run" / "evaluator" / "final.json").exists()
    assert kinds(tmp_path / "run") == ["start", *["generation"] * generations, "halt"]


def test_a_budget_that_lasts_changes_nothing(make: Make, tmp_path: Path) -> None:
    enough = make("tokens = 1000\nseconds = 1000\ngenerations = 3\ndisk_mb = 900", Counting)
    assert enough["status"] == "completed" and enough["stopped"] is None
    path = tmp_path / "charter.toml"
    path.write_text(find_charter("functions").read_text("utf-8"))
    plain = run(tmp_path / "plain", "toy_program", Counting, charter=str(path), **TINY)
    assert plain["charter"] != enough["charter"]
    # The anchors are the same ones: a budget is none of the terms that they follow from.
    for report in (plain, enough):
        del report["charter"]
    assert plain == enough


def test_a_halted_run_stays_halted_and_spends_nothing(make: Make, tmp_path: Path) -> None:
    first = make("tokens = 20", Counting)
    again = make("tokens = 20", Counting)
    assert again == first
    assert kinds(tmp_path / "run").count("halt") == 1


def test_a_raised_budget_waits_for_a_person_and_changes_no_anchor(
    charter: Callable[[str], Path], tmp_path: Path
) -> None:
    folder, whole = tmp_path / "run", tmp_path / "whole"
    settings = {**TINY, "charter": str(charter("generations = 1"))}
    run(folder, "toy_program", **settings)
    charter("generations = 2")
    with pytest.raises(RunError, match="generations from 1 to 2, and nobody has agreed") as caught:
        resume(folder)
    assert f"ratchet resume {folder} --approve" in caught.value.hint
    assert kinds(folder)[-1] == "halt"
    assert resume(folder, approve=True)["status"] == "halted"
    assert kinds(folder) == ["start", "generation", "halt", "amendment", "generation", "halt"]
    charter("")
    after = resume(folder, approve=True)
    assert after["status"] == "completed" and after["stopped"] is None
    straight = run(whole, "toy_program", **settings)
    for key in ("states", "final", "gain", "generations", "gate_items"):
        assert after[key] == straight[key]
    with pytest.raises(RunError, match=r"nothing in .* waits"):
        resume(folder, approve=True)


def test_an_agreement_to_a_budget_is_none_to_other_terms(
    charter: Callable[[str], Path], tmp_path: Path
) -> None:
    path = charter("generations = 1")
    run(tmp_path / "run", "toy_program", charter=str(path), **TINY)
    path.write_text(
        charter("generations = 5").read_text().replace("near = 0.7", "near = 0.69999999")
    )
    with pytest.raises(RunError, match=r"nothing in .* waits"):
        resume(tmp_path / "run", approve=True)
    path.write_text(path.read_text().replace("far = 0.3", "far = 0.30000001"))
    with pytest.raises(RunError, match="other settings: the charter"):
        resume(tmp_path / "run")


def test_a_halted_run_can_be_finished_as_it_is(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    make("generations = 2")
    assert main(["resume", str(folder), "--finish", "--quiet"]) == 0
    report = json.loads((folder / "report.json").read_text())
    assert report["status"] == "halted" and report["stopped"]["name"] == "budget_generations"
    assert report["final"]["score"]["n"] == 20 and len(report["generations"]) == 2
    with pytest.raises(RunError, match="no budget has halted"):
        resume(folder, finish=True)


def test_the_command_line_says_which_budget_and_what_to_type(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make("generations = 1")
    assert main(["resume", str(tmp_path / "run"), "--quiet"]) == 0
    told = capsys.readouterr().out
    assert "halted after 1 generation" in told
    assert "budget_generations: the budget is spent: 1 of 1 generations used" in told
    assert f"raise generations in [budget] of the charter, then: ratchet resume {tmp_path}" in told
    assert "--approve" in told and "--finish" in told
    page = (tmp_path / "run" / "report.html").read_text()
    assert "1 of 1 generations used" in page and "--approve" in page


def test_a_recipe_that_swallows_the_stop_gets_nothing_committed(make: Make, tmp_path: Path) -> None:
    report = make("seconds = 1", Stubborn)
    assert report["status"] == "halted" and report["stopped"]["name"] == "budget_seconds"
    assert report["generations"] == []


def test_what_a_killed_process_used_counts(make: Make, tmp_path: Path) -> None:
    class Killed(Counting):
        def improve(self, state: State, context: Context) -> Candidate:
            super().improve(state, context)
            context.tell(Event("phase", {"phase": "x", "what": "x"}))
            raise SystemExit

    for _ in range(3):
        with pytest.raises(SystemExit):
            make("tokens = 40", Killed)
    report = make("tokens = 40", Killed)
    assert report["stopped"]["name"] == "budget_tokens"
    (tmp_path / "run" / "spent.json").write_text("{")
    with pytest.raises(SystemExit):
        make("tokens = 40", Killed)


def test_a_charter_has_a_hash_with_its_budget_and_one_without(tmp_path: Path) -> None:
    path = tmp_path / "charter.toml"
    plain = find_charter("functions").read_text("utf-8")
    hashes, fixed = [], []
    for budget in ("", "tokens = 5", "disk_mb = 5", "generations = 5"):
        path.write_text(f"{plain}\n[budget]\n{budget}\n")
        charter = Charter.read(path)
        hashes.append(charter.hash)
        fixed.append(charter.fixed_hash)
    assert len(set(hashes)) == 4 and set(fixed) == {hashes[0]}
