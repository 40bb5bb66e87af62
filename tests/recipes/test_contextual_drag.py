"""The recipe on a random Llama, as small as it gets, and on a planted comparison."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ratchet.core.seeds import Seed
from ratchet.diagnose.drag.measure import Measure
from ratchet.diagnose.drag.policies import Comparison, Worth
from ratchet.engine.models.random_llama import write_random_llama
from ratchet.recipes.contextual_drag import parts
from ratchet.recipes.contextual_drag.parts import planted_drag
from ratchet.recipes.contextual_drag.recipe import ContextualDrag
from ratchet.recipes.contextual_drag.warm import write
from ratchet.recipes.launch import find_method, launch
from ratchet.solve.retry import Asking, Retry
from ratchet.worlds.countdown import Countdown, self_check
from tests.recipes.conftest import dead, read_ledger, read_records

SMALL: dict[str, Any] = {
    "generations": 3,
    "gate": "record",
    "families": ("two",),
    "warm_steps": 3,
    "warm_rows": 4,
    "tasks": 6,
    "tries": 3,
    "tokens": 500,
    "batch": 4,
    "max_tokens": 6,
    "drag_problems": 2,
    "measure_every": 2,
    "gate_items": 4,
    "audit_items": 4,
    "monitor_items": 0,
    "final_items": 4,
    "threads": 1,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("llama")
    return str(write_random_llama(folder, Seed(1), layers=1, width=32, heads=2, key_heads=1))


def harm(better: bool = False) -> Comparison:
    none, found = Measure(0.0, -0.1, 0.1, 40), Measure(0.3, 0.2, 0.4, 40)
    worth = Worth(none, none, none, none, none, 0.01)
    table = {Retry.RESTART: worth, Retry.APPEND: worth, Retry.FILTER: replace(worth, per_token=1.0)}
    lead = dict.fromkeys(table, none)
    if better:
        lead[Retry.FILTER] = found
    return Comparison(found, table, lead)


CHARTER = """
objective = "test"
world = "ratchet.worlds.countdown:Countdown"
[families]
two = 1.0
[levels]
1 = 1.0
"""


def run(model: str, folder: Path, **settings: Any) -> dict[str, Any]:
    charter = folder.with_suffix(".toml")
    charter.write_text(CHARTER)
    given = {**SMALL, "charter": str(charter), **settings}
    return launch(find_method("contextual_drag").configure(model=model, **given), folder)


def test_a_drag_finding_sets_the_policy_of_the_next_generation(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ContextualDrag, "compare", lambda self, seed: harm())
    folder = tmp_path / "run"
    report = run(model, folder)
    assert report["status"] == "completed" and dead(report) == []
    bodies = list(read_ledger(folder, "generation"))
    names = [[f["name"] for f in body["findings"]] for body in bodies]
    assert names[0][:2] == names[2][:2] == ["contextual_drag", "rendering"], "re-measured"
    assert "contextual_drag" not in names[1]
    action = bodies[0]["findings"][0]["action"]
    assert action == {"kind": "set", "parameter": "retry", "value": "restart"}
    assert bodies[0]["findings"][0]["measures"]["drag.low"] == 0.2, "with its evidence"
    shown = [
        ["Draft:" in r["attempt"]["turns"][0]["text"] for r in read_records(folder, n)]
        for n in (1, 2)
    ]
    assert any(shown[0]), "generation 1 appends"
    assert not any(shown[1]), "no raw failure in a prompt after the finding"
    kinds = [body["candidate"]["components"]["retry"]["hash"] for body in bodies]
    assert kinds[0] != kinds[1] == kinds[2]


def test_the_state_carries_the_policy_that_the_finding_has_set(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ContextualDrag, "compare", lambda self, seed: harm(better=True))
    run(model, tmp_path / "run", generations=2)
    bodies = list(read_ledger(tmp_path / "run", "generation"))
    hashes = [body["candidate"]["components"]["retry"]["hash"] for body in bodies]
    kept = tmp_path / "run" / "versions" / hashes[1] / "retry.txt"
    assert kept.read_text() == "filter"


def test_a_fixed_policy_is_measured_but_not_changed(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ContextualDrag, "compare", lambda self, seed: harm())
    folder = tmp_path / "run"
    run(model, folder, retry="append", generations=2)
    bodies = list(read_ledger(folder, "generation"))
    assert bodies[0]["findings"][0]["name"] == "contextual_drag"
    assert bodies[0]["findings"][0]["action"] == {"kind": "continue"}
    assert any("Draft:" in r["attempt"]["turns"][0]["text"] for r in read_records(folder, 2))


def test_the_planted_finding_fires_and_a_deaf_decision_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert planted_drag()
    monkeypatch.setattr(parts, "decide_retry", lambda found: [])
    assert not planted_drag()


def test_warm_problems_hold_drafts_of_the_stated_reliability() -> None:
    world, random = Countdown(), Random(1)
    tasks = world.tasks(Seed(1).rng(), 400, family="three")
    asking = Asking()
    pairs = [(task, *write(world, task, asking, 0.7, random)) for task in tasks]
    drafted = [
        (task, text.partition("Draft: ")[2].split("\n")[0], reply)
        for task, text, reply in pairs
        if "Draft: " in text
    ]
    assert 0.5 < len(drafted) / 400 < 0.7
    right = [self_check(task.prompt, draft).passed for task, draft, _ in drafted]
    assert 0.62 < sum(right) / len(right) < 0.78
    for task, text, reply in pairs:
        assert self_check(task.prompt, reply).passed, "what is learned is always right"
        draft = text.partition("Draft: ")[2].split("\n")[0]
        said = "right" if self_check(task.prompt, draft).passed else "wrong"
        if text.endswith("Verdict:"):
            assert reply.startswith(f" {said}\nAnswer:")
        elif "Verdict:" in text:
            assert f"Verdict: {said}\n" in text
