"""Turns of the loop on real components: pointers, actions of findings, halting, resuming."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.errors import RunError
from ratchet.core.events import Event
from ratchet.core.evidence import Verb
from ratchet.core.findings import Action, Finding, Halt, Restart, Rollback, SetParameter
from ratchet.core.state import Candidate, State
from ratchet.loop.folder import RunFolder
from ratchet.loop.position import Position, read_position
from ratchet.loop.recipe import Context, Parameter
from ratchet.recipes.toy_policy.recipe import ToyPolicy
from tests.end_to_end.small import ScriptedGate, configure, run

P, H, R = Verb.PROMOTE, Verb.HOLD, Verb.REJECT
TINY: dict[str, Any] = {
    "proposals": 16,
    "attempts": 4,
    "gate_items": 5,
    "audit_items": 5,
    "final_items": 10,
}


class Acting(ToyPolicy):
    """The toy, whose findings are written down by generation."""

    parameters = {"level": 1.0}  # noqa: RUF012
    actions: Mapping[int, Action] = {}
    seen: list[Parameter]

    def improve(self, state: State, context: Context) -> Candidate:
        self.seen = [*getattr(self, "seen", []), context.parameters["level"]]
        candidate = super().improve(state, context)
        action = self.actions.get(context.generation)
        findings = (Finding("written", "down", action),) if action else ()
        return replace(candidate, findings=findings)


def positions(path: Path) -> list[Position]:
    """Return where the run stood after each generation, 0 first."""
    with RunFolder(path).ledger() as ledger:
        entries = list(ledger.entries())
    found: list[Position] = []
    for end in range(1, len(entries) + 1):
        position = read_position(entries[:end], record_only=False)
        assert position is not None
        if len(found) == position.generation:
            found.append(position)
    return found


def play(path: Path, verbs: list[Verb], actions: Mapping[int, Action]) -> list[Position]:
    built = type("Written", (Acting,), {"actions": actions})
    run(path, "toy_policy", built, ScriptedGate(verbs), generations=len(verbs), **TINY)
    return positions(path)


def test_gains_of_held_generations_add_up_and_a_rejection_takes_them_back(tmp_path: Path) -> None:
    at = play(tmp_path / "run", [H, H, P, H, R, H], {})
    hashes = [p.branch.hash for p in at]
    assert len(set(hashes)) == 6 and hashes[5] == hashes[3]
    assert [p.incumbent.hash for p in at] == [hashes[0]] * 3 + [hashes[3]] * 4
    assert [p.holds for p in at] == [0, 1, 2, 0, 1, 0, 1]


def test_a_rollback_past_pruned_moments_goes_on_with_fresh_ones(tmp_path: Path) -> None:
    at = play(tmp_path / "run", [P, P, H, H], {3: Rollback(1)})
    back = at[3].branch
    assert back["solver"] == at[1].incumbent["solver"] == at[3].incumbent["solver"]
    assert "solver.optimiser" not in back
    assert at[4].branch["solver"] != back["solver"] and "solver.optimiser" in at[4].branch
    store = RunFolder(tmp_path / "run").store()
    for component in (*at[4].branch.values(), *at[4].incumbent.values()):
        store.open(component)


def test_a_restart_puts_one_role_back_to_its_first_version(tmp_path: Path) -> None:
    at = play(tmp_path / "run", [P, H], {1: Restart("proposer")})
    assert at[1].branch["proposer"] == at[0].branch["proposer"]
    assert at[1].branch["proposer.optimiser"] == at[0].branch["proposer.optimiser"]
    assert at[1].branch["solver"] == at[1].incumbent["solver"] != at[0].branch["solver"]
    assert at[1].incumbent["proposer"] != at[0].incumbent["proposer"]


def test_a_set_parameter_holds_from_the_next_generation_and_after_resuming(tmp_path: Path) -> None:
    class Written(Acting):
        actions = {1: SetParameter("level", 3.0)}  # noqa: RUF012
        heard: list[Parameter] = []  # noqa: RUF012

        def improve(self, state: State, context: Context) -> Candidate:
            self.heard.append(context.parameters["level"])
            return super().improve(state, context)

    def stop(event: Event) -> None:
        if event.kind == "decision" and event.data["generation"] == 2:
            raise KeyboardInterrupt

    settings: dict[str, Any] = {"generations": 3, **TINY}
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", "toy_policy", Written, listener=stop, **settings)
    report = run(tmp_path / "run", "toy_policy", Written, **settings)
    assert Written.heard == [1.0, 3.0, 3.0]
    whole = run(tmp_path / "whole", "toy_policy", Written, **settings)
    assert report == whole


def test_a_halt_ends_the_run_with_its_reason_and_keeps_the_incumbent(tmp_path: Path) -> None:
    built = type("Halting", (Acting,), {"actions": {2: Halt()}})
    report = run(tmp_path / "run", "toy_policy", built, generations=4, **TINY)
    assert report["status"] == "halted"
    assert [g["decision"] for g in report["generations"]][1:] == ["halt"]
    assert "written asks to halt" in report["generations"][-1]["reason"]
    assert report["generations"][-1]["findings"][0]["action"] == "halt"
    assert report["final"]["score"] is not None
    again = run(tmp_path / "run", "toy_policy", built, generations=4, **TINY)
    assert again == report


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), sqlite3.OperationalError("disk I/O error")]
)
def test_a_loop_that_the_disk_refuses_says_so_and_goes_on_later(
    error: Exception, tmp_path: Path
) -> None:
    def refuse(event: Event) -> None:
        if event.kind == "decision":
            raise error

    with pytest.raises(RunError, match=f"the run stopped: .*{error.args[-1]}") as caught:
        run(tmp_path / "run", "toy_policy", listener=refuse, generations=1, **TINY)
    assert f"ratchet resume {tmp_path / 'run'}" in caught.value.hint
    assert positions(tmp_path / "run")[-1].generation == 1
    assert run(tmp_path / "run", "toy_policy", generations=1, **TINY)["status"] == "completed"


def test_only_what_is_needed_stays_on_the_disk(tmp_path: Path) -> None:
    at = play(tmp_path / "run", [P, H, P, R], {})
    whole = {c.hash for s in (at[4].initial, at[4].incumbent, at[4].branch) for c in s.values()}
    older = {c.hash for s in at[4].promoted.values() for c in s.values() if c.kind == "policy"}
    kept = {path.name for path in (tmp_path / "run" / "versions").iterdir()}
    assert kept == whole | older


def test_a_run_of_no_generation_reports_no_gain(tmp_path: Path) -> None:
    report = run(tmp_path / "run", "toy_policy", generations=0, **TINY)
    assert report["status"] == "completed" and report["gain"]["mean"] == 0.0
    assert configure("toy_policy", generations=0).generations == 0
