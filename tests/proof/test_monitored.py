"""A run with monitors: what they saw is proved and replayed like the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.findings import AskApproval, Continue
from ratchet.diagnose.divergence import RewardDivergence
from ratchet.loop.config import RunConfig
from ratchet.loop.folder import RunFolder
from ratchet.loop.ledger import SCHEMA
from ratchet.loop.monitor import Alarm, Reading
from ratchet.loop.versions import Store
from ratchet.recipes.toy_policy.recipe import ToyPolicy
from ratchet.report import write_report
from tests.end_to_end.small import run
from tests.end_to_end.test_monitors import Crying
from tests.proof.conftest import first_problem
from tests.proof.test_commands import put, rebuilt
from tests.proof.test_replay import again


class Watched(ToyPolicy):
    """The toy with a monitor that sees audits."""

    monitors = (RewardDivergence(),)


class Asking(Watched):
    """Its monitor wants a person to see every promotion."""

    def __init__(self, config: RunConfig, store: Store) -> None:
        super().__init__(config, store)  # type: ignore[arg-type]
        self.monitors = (Crying(actions=(AskApproval(),)),)


class Lasting(Crying):
    """Cries from the second generation on."""

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        return super().judge(readings) if len(readings) > 1 else None


class Remembering(Watched):
    """Its monitor looks back."""

    def __init__(self, config: RunConfig, store: Store) -> None:
        super().__init__(config, store)  # type: ignore[arg-type]
        self.monitors = (Lasting(actions=(Continue(),)),)


SETTINGS: dict[str, Any] = {
    "generations": 2,
    "proposals": 24,
    "lr": 1.0,
    "gate_items": 10,
    "audit_items": 5,
    "final_items": 10,
    "monitor_items": 8,
}


@pytest.fixture
def monitored(tmp_path: Path) -> Path:
    """Return a finished run of the toy with a monitor."""
    run(tmp_path / "run", "toy_policy", Watched, **SETTINGS)
    write_report(RunFolder(tmp_path / "run"))
    return tmp_path / "run"


def test_a_monitored_run_verifies_and_comes_out_the_same(monitored: Path) -> None:
    assert first_problem(monitored) is None
    assert again(monitored, 2, Watched).difference is None
    with RunFolder(monitored).reading() as ledger:
        second = [entry.body for entry in ledger.entries("generation")][1]
    assert len(second["audit"]["candidate"]["items"]) == 8
    assert set(second["readings"]) == {"reward_divergence"}


def test_a_replayed_monitor_knows_the_generations_before(tmp_path: Path) -> None:
    told = run(tmp_path / "run", "toy_policy", Remembering, **SETTINGS)
    assert [len(g["findings"]) for g in told["generations"]] == [0, 1]
    assert again(tmp_path / "run", 2, Remembering).difference is None


def test_a_promotion_that_a_monitor_made_wait_verifies_and_comes_out_the_same(
    tmp_path: Path,
) -> None:
    waits = run(tmp_path / "run", "toy_policy", Asking, **{**SETTINGS, "gate_items": 60})
    write_report(RunFolder(tmp_path / "run"))
    assert waits["status"] == "needs_approval"
    assert first_problem(tmp_path / "run") is None
    number = len(waits["generations"])
    assert again(tmp_path / "run", number, Asking).difference is None


def test_a_forged_audit_score_is_found_even_in_a_ledger_written_anew(monitored: Path) -> None:
    rebuilt(
        monitored, SCHEMA, forge=put("generation", 0.5, "audit", "initial", "items", 3, "score")
    )
    problem = first_problem(monitored)
    assert problem is not None
    assert (problem.where, "audit.initial, item 3" in problem.what) == ("ledger entry 2", True)


def test_a_forged_reading_comes_out_otherwise_when_replayed(monitored: Path) -> None:
    with RunFolder(monitored).reading() as ledger:
        entry = next(e for e in ledger.entries("generation") if e.body["generation"] == 2)
    name = next(iter(entry.body["readings"]["reward_divergence"]))
    rebuilt(monitored, SCHEMA, forge=put("generation", -7.0, "readings", "reward_divergence", name))
    difference = again(monitored, 2, Watched).difference
    assert difference is not None and difference[0].startswith("readings")
