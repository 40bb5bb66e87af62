"""Language Self-Play on the actor: who is paid for what, by whom it is judged, what is left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from math import exp
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from ratchet.core.codec import from_data
from ratchet.core.errors import ConfigError
from ratchet.core.state import State
from ratchet.core.task import Rejection
from ratchet.engine.fake.characters import FIRST_ACTION
from ratchet.loop.versions import Store
from ratchet.recipes.language_self_play import joint, judging
from ratchet.recipes.language_self_play import recipe as module
from ratchet.recipes.language_self_play.config import Config
from ratchet.recipes.language_self_play.recipe import LanguageSelfPlay
from ratchet.recipes.launch import find_method, launch
from ratchet.report import page
from ratchet.verify.quality import Pair, Quality, SelfJudge
from ratchet.worlds.arithmetic import Arithmetic
from tests.recipes.conftest import (
    PROPOSALS,
    Actor,
    SharedActor,
    dead,
    read_ledger,
    read_records,
)

SMALL: dict[str, Any] = {
    "model": "actor",
    "threads": 1,
    "generations": 1,
    "gate": "record",
    "charter": "arithmetic",
    "gate_items": 8,
    "audit_items": 8,
    "monitor_items": 4,
    "final_items": 8,
    "roles": "separate",
    "proposer_steps": 2,
    "proposals": 24,
    "pool": 8,
    "tasks": 8,
    "batch": 4,
    "attempts": 4,
    "solver_lr": 0.3,
    "proposer_lr": 0.1,
    "max_tokens": 8,
    "quality_texts": 0,
    "pinned_tasks": 0,
    "held_tasks": 0,
}
Run = Callable[..., dict[str, Any]]
_READ = [(text, Arithmetic().parse(text)) for text in PROPOSALS]
RESERVED = {t for t, o in _READ if isinstance(o, Rejection) and o.reason == "reserved"}
NONSENSE = {t for t, o in _READ if isinstance(o, Rejection)} - RESERVED


class Played(LanguageSelfPlay):
    """The recipe on the actor."""

    def __init__(self, config: Config, store: Store) -> None:
        super().__init__(config, store)
        actor = SharedActor if config.roles == "shared" else Actor
        self.engine = actor()  # type: ignore[assignment]


def act(monkeypatch: pytest.MonkeyPatch, folder: Path, **settings: Any) -> dict[str, Any]:
    monkeypatch.setattr(page, "render_page", lambda report, folder: "<!doctype html>")
    monkeypatch.setattr(module, "build", Played)
    config = find_method("language_self_play").configure("tiny", **{**SMALL, **settings})
    return launch(config, folder)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return partial(act, monkeypatch, tmp_path / "run")


def of_role(folder: Path, role: str) -> list[dict[str, Any]]:
    return [record for record in read_records(folder, 1) if record["role"] == role]


def by_step(records: Sequence[dict[str, Any]]) -> list[Sequence[dict[str, Any]]]:
    half = len(records) // 2
    return [records[:half], records[half:]]


def test_both_roles_are_paid_by_the_same_attempts(run: Run, tmp_path: Path) -> None:
    report = run(proposer_steps=1, proposals=48)
    assert report["status"] == "completed" and dead(report) == []
    live = report["liveness"]
    names = ("reward.value", "reward.quality", "reward.quality_solver", "learner.solver")
    assert {live[name] for name in (*names, "learner.proposer", "filter.sealed", "tool")} == {
        "live"
    }
    queries, solved = of_role(tmp_path / "run", "proposer"), of_role(tmp_path / "run", "solver")
    asked: dict[str, list[dict[str, Any]]] = {}
    for record in solved:
        asked.setdefault(record["task"]["prompt"], []).append(record)
        told = record["verdict"]["evidence"]
        mean = (2 * told["quality_instruction"] + 5 * told["quality_response"]) / 7
        assert record["verdict"]["reward"] == pytest.approx(record["verdict"]["passed"] + mean)
    tried = 0
    for query in queries:
        text = query["attempt"]["answer"]
        if text in RESERVED:
            assert query["verdict"]["reward"] == 0.0 and set(query["measures"]) == {"new"}
            continue
        group = next((asked[p] for p in asked if p == text or same(p, text)), [])
        value = fmean(record["verdict"]["passed"] for record in group)
        whole = fmean(record["verdict"]["reward"] for record in group)
        assert query["measures"]["value"] == value
        assert query["verdict"]["reward"] == pytest.approx(whole - 2 * value)
        assert query["measures"]["signal"] == float(0 < value < 1)
        tried += 1
    assert tried > 10 and not RESERVED & set(asked)


def same(prompt: str, text: str) -> bool:
    outcome = Arithmetic().parse(text)
    return not isinstance(outcome, Rejection) and outcome.prompt == prompt


def test_nonsense_is_the_best_query_without_quality_and_a_poor_one_with_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid: dict[str, dict[bool, list[float]]] = {}
    for name, settings in (("zero", {"quality": 0.0}), ("lsp", {"quality": 3.0})):
        act(monkeypatch, tmp_path / name, proposer_steps=1, **settings)
        rewards: dict[bool, list[float]] = {True: [], False: []}
        for query in of_role(tmp_path / name, "proposer"):
            if query["attempt"]["answer"] not in RESERVED:
                odd = query["attempt"]["answer"] in NONSENSE
                rewards[odd].append(query["verdict"]["reward"])
        paid[name] = rewards
    assert set(paid["zero"][True]) == {0.0} and max(paid["zero"][False]) <= 0.0
    assert min(paid["zero"][False]) < 0.0
    assert max(paid["lsp"][True]) < fmean(paid["lsp"][False])


def test_without_quality_nobody_is_judged_and_nonsense_is_not_attempted(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "choose_judge", lambda recipe: pytest.fail("no judge is asked"))
    report = run(quality=0.0)
    assert dead(report) == [] and report["status"] == "completed"
    assert not {"judge", "reward.quality", "reward.quality_solver"} & set(report["liveness"])
    solved = of_role(tmp_path / "run", "solver")
    assert {record["verdict"]["reward"] for record in solved} == {0.0, 1.0}
    assert {record["task"]["family"] for record in solved}.isdisjoint({"nonsense"})
    assert "query_quality_response" not in report["generations"][0]["measures"]


def test_a_constant_judge_teaches_what_no_judge_teaches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constant cancels against both baselines: the same policies, bit for bit or nearly."""
    found = []
    for name, settings in (("none", {"quality": 0.0}), ("half", {"corrupt": "constant"})):
        report = act(monkeypatch, tmp_path / name, proposer_steps=1, **settings)
        assert dead(report) == []
        (body,) = read_ledger(tmp_path / name, "generation")
        state = from_data(State, body["candidate"])
        store = Store(tmp_path / name / "versions")
        found.append([float(x) for x in numbers(store.read(state["proposer"], "policy.json"))])
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def numbers(text: str) -> list[str]:
    return [value for row in json.loads(text)["logits"] for value in row]


@pytest.mark.parametrize("corrupt", ["permuted", "constant"])
def test_a_corrupted_judge_is_corrupt(corrupt: str, run: Run) -> None:
    report = run(corrupt=corrupt, proposer_steps=1)
    assert dead(report) == [] and report["liveness"]["judge.corrupt"] == "live"
    gap = report["generations"][0]["measures"]["judge_gap"]
    assert abs(gap) < 0.35 if corrupt == "permuted" else gap == 0.0


def test_the_rule_knows_a_task_from_nonsense(run: Run) -> None:
    report = run(proposer_steps=1)
    measures = report["generations"][0]["measures"]
    assert measures["judge_gap"] > 0.4 and 0.0 < measures["query_value"] < 1.0
    assert 0.0 < measures["query_signal"] < 1.0


def test_held_tasks_are_neither_attempted_nor_paid(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [task for _, task in _READ if not isinstance(task, Rejection)]
    for place in ("recipe", "held"):
        where = module if place == "recipe" else "ratchet.recipes.coevolution.phases"
        target = where if isinstance(where, str) else where.__name__
        monkeypatch.setattr(f"{target}.held_tasks", lambda recipe: known)
    report = run()
    assert report["generations"][0]["measures"]["attempted"] == 0
    queries = of_role(tmp_path / "run", "proposer")
    assert {q["verdict"]["reward"] for q in queries if q["verdict"]["passed"]} == {0.0}
    assert {r["task"]["family"] for r in of_role(tmp_path / "run", "solver")} == {"nonsense"}


def test_a_sealed_query_that_is_attempted_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint, "mark_sealed", lambda proposals, held: [False] * len(proposals))
    report = run(proposals=48, proposer_steps=1)
    assert dead(report) == ["filter.sealed"]


def test_a_live_judge_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "reference", lambda policy: policy)
    monkeypatch.setattr(SelfJudge, "__call__", ask_about_styles)
    assert dead(run(judge="self", proposer_steps=1)) == ["judge"]


def test_the_frozen_judge_is_open_and_stays(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SelfJudge, "__call__", ask_about_styles)
    report = run(judge="self", solver_kl=0.0)
    assert dead(report) == [] and report["liveness"]["reward.quality"] == "live"


def ask_about_styles(judge: SelfJudge, pairs: Sequence[Pair]) -> list[Quality]:
    """Ask an actor, which knows styles and no words, how sure it is to answer by itself."""
    rows = [
        (*judge.engine.encode(judge.policy, f"Q: {query}\nA:"), FIRST_ACTION + 1)
        for query, _ in pairs
    ]
    told = [one.logprobs[-1] for one in judge.engine.score(judge.policy, rows)]
    answers = [float(bool(answer)) / 4 for _, answer in pairs]
    return [Quality(exp(t), a) for t, a in zip(told, answers, strict=True)]


def test_one_policy_takes_one_step_on_both_losses(run: Run, tmp_path: Path) -> None:
    report = run(roles="shared")
    assert report["status"] == "completed" and dead(report) == []
    (start,), (body,) = (read_ledger(tmp_path / "run", kind) for kind in ("start", "generation"))
    before, after = from_data(State, start["initial"]), from_data(State, body["candidate"])
    assert set(before) == {"solver", "solver.optimiser", "pool"}
    assert before["solver"] != after["solver"]
    store = Store(tmp_path / "run" / "versions")
    moments = store.read(after["solver.optimiser"], "optimiser.json")
    assert '"steps":2' in moments.replace(" ", "")


@pytest.mark.parametrize("role", ["solver", "proposer"])
def test_a_role_is_held_to_its_first_state(role: str, run: Run) -> None:
    other = {"solver": "proposer", "proposer": "solver"}[role]
    report = run(**{f"{role}_kl": 0.5, f"{other}_kl": 0.0})
    assert dead(report) == [] and report["liveness"][f"kl.{role}"] == "live"
    assert f"kl.{other}" not in report["liveness"]
    measures = report["generations"][0]["measures"]
    kl = {"solver": measures["kl"], "proposer": measures["challenger_kl"]}
    assert kl[role] > 0.0 == kl[other]


def test_a_frozen_challenger_does_not_learn(run: Run, tmp_path: Path) -> None:
    report = run(proposer="frozen")
    (start,), (body,) = (read_ledger(tmp_path / "run", kind) for kind in ("start", "generation"))
    before, after = from_data(State, start["initial"]), from_data(State, body["candidate"])
    assert before["proposer"] == after["proposer"] and before["solver"] != after["solver"]
    assert dead(report) == [] and "reward.value" not in report["liveness"]


def test_rl_follows_the_game(run: Run, tmp_path: Path) -> None:
    report = run(generations=2, rl_from=2, held_tasks=8)
    assert dead(report) == [] and report["status"] == "completed"
    first, second = report["generations"]
    assert first["measures"]["proposed"] == 48 and second["measures"]["proposed"] == 0
    assert second["measures"]["attempted"] == 8 and "query_value" not in second["measures"]


@pytest.mark.parametrize("name", ["rule", "difficulty", "profile"])
def test_what_has_no_effect_is_refused(name: str) -> None:
    value = {"rule": "adpo", "difficulty": "band", "profile": "paper"}[name]
    with pytest.raises(ConfigError, match=f"{name} has no effect"):
        find_method("language_self_play").configure("tiny", **{name: value})


def test_the_plan_counts_the_judge() -> None:
    method = find_method("language_self_play")
    plain = method.plan(method.configure("gpu", quality=0.0))
    judged = method.plan(method.configure("gpu"))
    assert judged["hours"] > plain["hours"] > 0
    assert judged["solver_steps"] == plain["solver_steps"] == 500
