"""Who is asked about a jump of capability: the charter decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.core.findings import AskApproval, Continue
from ratchet.diagnose.jump import CapabilityJump
from ratchet.guard.charter import find_charter
from ratchet.recipes.agent0.monitors import list_monitors
from tests.recipes.conftest import configure


@pytest.mark.parametrize(
    ("terms", "action", "limit"),
    [
        ("", Continue(), 0.4),
        ("\n[gate]\njump = 0.25\n", AskApproval(), 0.25),
    ],
)
def test_a_person_is_asked_about_jumps_where_the_charter_has_gate_terms(
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
