"""Who is asked about a jump of capability: the charter decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.core.findings import AskApproval, Continue
from ratchet.diagnose.jump import CapabilityJump
from ratchet.guard.charter import find_charter
from ratchet.recipes.agent0.config import Config
from ratchet.recipes.coevolution.monitors import list_monitors
from ratchet.recipes.launch import find_method
from tests.recipes.conftest import configure


@pytest.mark.parametrize(
    ("terms", "action", "limit"),
    [
        ("", Continue(), 0.4),
        ("\n[gate]\njump = 0.25\n", Continue(), 0.25),
        ("\n[gate]\ncapability_jump = 0.3\n", AskApproval(), 0.3),
    ],
)
def test_a_person_is_asked_about_a_jump_where_the_charter_limits_it(
    terms: str, action: object, limit: float, tmp_path: Path
) -> None:
    charter = tmp_path / "charter.toml"
    charter.write_text(find_charter("arithmetic").read_text("utf-8") + terms, "utf-8")
    (jump,) = (
        monitor
        for monitor in list_monitors(configure(charter=str(charter)))
        if isinstance(monitor, CapabilityJump)
    )
    assert (jump.actions, jump.limit) == ((action,), limit)


@pytest.mark.parametrize("tier", ["smol", "tiny", "gpu"])
def test_no_shipped_tier_waits_for_a_person_because_one_capability_jumped(tier: str) -> None:
    config = find_method("agent0").configure(tier)
    assert isinstance(config, Config)
    asking = [
        monitor.name
        for monitor in list_monitors(config)
        if any(isinstance(action, AskApproval) for action in monitor.actions)
    ]
    assert asking == []
