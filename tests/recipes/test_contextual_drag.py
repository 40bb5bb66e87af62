"""The recipe on a random Llama, as small as it gets, and on a planted comparison."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.diagnose.drag.measure import Measure, undefined
from ratchet.diagnose.drag.observations import Draft
from ratchet.diagnose.drag.policies import Comparison, Worth
from ratchet.engine.local import LocalEngine
from ratchet.engine.models.random_llama import write_random_llama
from ratchet.recipes.contextual_drag import parts
from ratchet.recipes.contextual_drag.claims import CLAIMS
from ratchet.recipes.contextual_drag.config import Config
from ratchet.recipes.contextual_drag.parts import planted_drag
from ratchet.recipes.contextual_drag.protocol import Protocol
from ratchet.recipes.contextual_drag.recipe import ContextualDrag
from ratchet.recipes.contextual_drag.warm import Side, documents, err, write
from ratchet.recipes.launch import find_method, launch
from ratchet.solve.retry import Asking, Retry
from ratchet.worlds.countdown import Countdown, self_check, solve_exactly
from tests.recipes.conftest import dead, read_ledger, read_records

SMALL: dict[str, Any] = {
    "generations": 3,
    "gate": "record",
    "families": ("two",),
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


def test_a_new_policy_is_a_candidate_without_new_weights(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[int] = []
    monkeypatch.setattr(ContextualDrag, "compare", lambda self, seed: harm())
    monkeypatch.setattr(
        ContextualDrag, "learn", lambda self, solved, context: learned.append(context.generation)
    )
    run(model, tmp_path / "run")
    assert learned == [1, 3]


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


def test_the_study_of_the_first_state_stands_in_the_report(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(engine: LocalEngine, policy: str, protocol: Protocol, *rest: Any) -> Any:
        asked.append((engine.encode(policy, "1"), protocol.problems, rest))
        return {"copy_excess": Measure(0.3, 0.2, 0.4, 50), "undefined": undefined("none")}

    asked: list[Any] = []
    monkeypatch.setattr("ratchet.recipes.contextual_drag.recipe.measure_copying", look)
    report = run(model, tmp_path / "run", study="copying", study_problems=7, generations=0)
    assert report["epilogue"]["study"] == {
        "copy_excess": {"mean": 0.3, "low": 0.2, "high": 0.4, "n": 50}
    }
    ((_, problems, rest),) = asked
    assert problems == 7 and rest[:2] == (1, tmp_path / "run" / "study")


def test_arms_of_one_seed_start_from_the_same_weights() -> None:
    method = find_method("contextual_drag")
    made = {}
    for arm in CLAIMS.arms:
        config = method.configure("tiny", **arm.overrides)
        assert isinstance(config, Config)
        made[arm.name] = (config.model, config.warm)
    assert len({made[name] for name in ("auto", "append", "restart", "study")}) == 1
    assert len({size for size, _ in made.values()}) == 3


def test_the_planted_finding_fires_and_a_deaf_decision_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert planted_drag()
    monkeypatch.setattr(parts, "decide_retry", lambda found: [])
    assert not planted_drag()


def test_warm_problems_hold_drafts_of_the_stated_reliability() -> None:
    world, random, asking = Countdown(), Random(1), Asking()
    tasks = world.tasks(Seed(1).rng(), 600, family="three")
    pairs = [(task, *write(world, task, asking, 0.7, random)) for task in tasks]
    drafted = [(task, text, reply) for task, text, reply in pairs if "Draft" in text]
    assert 0.58 < len(drafted) / 600 < 0.72
    shown = [(task, re.findall(r"Draft(?: \d)?: (.*)\n", text)) for task, text, _ in drafted]
    right = [self_check(task.prompt, d).passed for task, drafts in shown for d in drafts]
    assert 0.65 < sum(right) / len(right) < 0.75
    assert {len(drafts) for _, drafts in shown} == {1, 2}
    for task, text, reply in pairs:
        assert self_check(task.prompt, reply).passed, "what is learned is always right"
        drafts = re.findall(r"Draft(?: \d)?: (.*)\n", text)
        said = "right" if all(self_check(task.prompt, d).passed for d in drafts) else "wrong"
        if text.endswith("Verdict:"):
            assert reply.startswith(f" {said}\nAnswer:")
        elif "Verdict:" in text:
            assert f"Verdict: {said}\n" in text


def test_wrong_drafts_are_spoiled_or_other_sums_of_the_same_numbers() -> None:
    world, random = Countdown(), Random(1)
    kinds = {"spoiled": 0, "other": 0}
    for task in world.tasks(Seed(2).rng(), 60, family="two"):
        solution = solve_exactly(task.prompt)
        assert solution is not None
        draft = err(world, task, Draft("r", task.id, solution, solution, True), random)
        assert draft is not None and not self_check(task.prompt, draft.text).passed
        kinds[draft.id.rpartition("/")[2]] += 1
    assert min(kinds.values()) > 15


def test_a_side_gives_as_many_tasks_as_are_asked_for() -> None:
    """One task of four is on it, so a first draw may hold none."""
    for side in (True, False):
        for seed in range(40):
            assert len(Side(side).tasks(Seed(seed).rng(), 1, family="two")) == 1


def test_what_is_taught_is_never_measured() -> None:
    taught, rest = (
        {t.id for t in Side(side).tasks(Seed(1).rng(), 10_000, family="two")}
        for side in (True, False)
    )
    assert not taught & rest and 2.5 < len(taught) / len(rest) < 3.5
    texts = islice(documents(("two",), 10_000, 0.7, Seed(3)), 3 * len(taught))
    prompts = {text.removeprefix("Problem: ").split("\n")[0] for text, _ in texts}
    seen = {task.id for prompt in prompts if isinstance(task := Countdown().parse(prompt), Task)}
    assert seen == taught
