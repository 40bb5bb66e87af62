"""Which gate a charter asks for, who says how many anchors, and gates that ledgers hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.cli import main
from ratchet.core.errors import ConfigError
from ratchet.guard.charter import Charter, find_charter
from ratchet.loop.gate import IntervalGate
from ratchet.loop.gates import ITEMS, choose_gate, describe_gate, require_effect
from ratchet.loop.redecide import known_gate
from ratchet.loop.sequential_gate import SequentialGate
from ratchet.recipes.launch import find_method, launch

PLAIN = Charter.read(find_charter("arithmetic"))
SMALL = Charter.read(find_charter("arithmetic_small"))


def test_the_settings_say_how_many_only_where_the_charter_does_not() -> None:
    assert choose_gate(PLAIN, 30) == IntervalGate(30)
    assert choose_gate(PLAIN, None) == IntervalGate(ITEMS)
    gate = choose_gate(SMALL, None)
    assert isinstance(gate, SequentialGate) and gate.terms == SMALL.gate
    assert set(gate.families) == set(PLAIN.families)


def test_a_number_without_effect_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    method = find_method("toy_policy")
    config = method.configure(charter="arithmetic_small", gate_items=30)
    with pytest.raises(ConfigError, match="gate_items = 30 has no effect") as caught:
        launch(config, tmp_path / "run")
    assert "--gate-items None" in caught.value.hint and not (tmp_path / "run").exists()
    require_effect(method.configure(charter="arithmetic_small", gate_items=None), SMALL)
    require_effect(config, PLAIN)


def test_it_can_be_left_out_on_the_command_line(tmp_path: Path) -> None:
    words = ["run", "toy_policy", "--charter", "arithmetic_small", "--generations", "0"]
    words += ["--audit-items", "4", "--final-items", "4", "--out", str(tmp_path / "run")]
    assert main([*words, "--gate-items", "30"]) == 2 and not (tmp_path / "run").exists()
    assert main(["run", "agent0", "--tier", "tiny", "--gate-items", "30", "--dry-run"]) == 2
    assert main([*words, "--gate-items", "None"]) == 0
    assert "gate_items" not in (tmp_path / "run" / "config.toml").read_text("utf-8")


@pytest.mark.parametrize("tier", ["smol", "tiny", "gpu"])
def test_every_tier_of_agent0_has_the_gate_of_its_charter(tier: str) -> None:
    config = find_method("agent0").configure(tier)
    charter = Charter.read(find_charter(config.charter))
    require_effect(config, charter)
    assert charter.gate is not None and charter.gate.tests >= config.generations


def test_a_gate_is_known_again_also_without_the_terms_that_came_later() -> None:
    gate = describe_gate(choose_gate(SMALL, None))
    start: dict[str, Any] = {"terms": SMALL.terms, "config": {"gate_items": None}, "gate": gate}
    assert known_gate(start) == choose_gate(SMALL, None)
    del gate["settings"]["terms"]["capability_jump"]
    assert known_gate({**start, "config": {}}) == choose_gate(SMALL, None)
    gate["settings"]["terms"]["alpha"] = 0.5
    assert known_gate(start) is None
