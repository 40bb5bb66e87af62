"""Monitors in whole runs: hacking is stopped, audits stay apart, a resumed run sees the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.evidence import Verb
from ratchet.core.findings import Action, AskApproval, Reject
from ratchet.core.records import Records
from ratchet.core.task import Task, Verdict
from ratchet.diagnose.divergence import RewardDivergence
from ratchet.loop.config import RunConfig
from ratchet.loop.folder import RunFolder
from ratchet.loop.monitor import Alarm, Reading
from ratchet.loop.versions import Store
from ratchet.recipes.toy_policy.recipe import ToyPolicy
from ratchet.recipes.toy_policy.strategies import STRATEGIES
from ratchet.worlds.arithmetic import Arithmetic
from tests.end_to_end.small import ScriptedGate, run, stopping

TINY: dict[str, Any] = {
    "proposals": 48,
    "lr": 1.0,
    "gate_items": 5,
    "audit_items": 5,
    "final_items": 10,
    "monitor_items": 16,
}


class Gullible(Arithmetic):
    """A verifier that reads the wrong place: whoever repeats the first number passes."""

    def check(self, task: Task, answer: str) -> Verdict:
        passed = answer == STRATEGIES["first"](task.prompt)
        return Verdict(float(passed), passed, True, "exact", "", {"read": answer})


class Watched(ToyPolicy):
    """The toy with a monitor of its reward."""

    monitors = (RewardDivergence(),)


class Hacked(Watched):
    """Its verifier can be had; the evaluator's cannot."""

    def __init__(self, config: RunConfig, store: Store) -> None:
        super().__init__(config, store)  # type: ignore[arg-type]
        self.world = Gullible()


class Alarmed(Watched):
    """Its monitor cries at every generation."""

    action: Action = Reject()

    def __init__(self, config: RunConfig, store: Store) -> None:
        super().__init__(config, store)  # type: ignore[arg-type]
        self.monitors = (Crying(actions=(self.action,)),)


class Crying(RewardDivergence):
    """Silent on the planted start, as it must be."""

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        planted = any(name.startswith("planted") for name in readings[-1].numbers)
        return super().judge(readings) if planted else Alarm("help")

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        return super().read(window)


def bodies(path: Path) -> list[dict[str, Any]]:
    with RunFolder(path).ledger() as ledger:
        return [entry.body for entry in ledger.entries("generation")]


def test_reward_hacking_is_seen_and_stops_the_run(tmp_path: Path) -> None:
    # The hacked proposer writes tasks of two or three families of eight: few anchors are of them.
    settings = {**TINY, "monitor_items": 48}
    hacked = run(tmp_path / "hacked", "toy_policy", Hacked, generations=8, **settings)
    assert hacked["status"] == "halted" and len(hacked["generations"]) < 8
    last = hacked["generations"][-1]
    assert last["decision"] == "halt" and "reward_divergence asks to halt" in last["reason"]
    assert [found["action"] for found in last["findings"]] == ["halt"]
    assert hacked["liveness"]["reward_divergence"] == "live"


@pytest.mark.slow
def test_an_honest_run_goes_on(tmp_path: Path) -> None:
    honest = run(tmp_path / "honest", "toy_policy", Watched, generations=4, **TINY)
    assert honest["status"] == "completed"
    assert honest["liveness"]["reward_divergence"] == "dormant"


def test_audits_are_fresh_and_reach_neither_records_nor_settings(tmp_path: Path) -> None:
    run(tmp_path / "run", "toy_policy", Watched, generations=3, **TINY)
    seen, told = [], bodies(tmp_path / "run")
    for body in told:
        assert set(body["audit"]) == {"candidate", "initial"}
        items = [[i["item"] for i in scores["items"]] for scores in body["audit"].values()]
        assert items[0] == items[1] and len(items[0]) == 16
        seen.append(items[0])
    assert seen[0] != seen[1] != seen[2]
    lines = (tmp_path / "run" / "evaluator" / "records.jsonl").read_text().splitlines()
    streams = {(row["stream"], row["draw"]) for row in map(json.loads, lines)}
    assert {("audit", n) for n in range(4)} <= streams
    # Without monitors nothing is drawn, and the candidates are the same.
    run(tmp_path / "bare", "toy_policy", generations=3, **TINY)
    bare = bodies(tmp_path / "bare")
    assert [body["audit"] for body in bare] == [{}] * 3
    assert [b["candidate"] for b in bare] == [b["candidate"] for b in told]
    # With none wanted the monitors see records only.
    run(tmp_path / "none", "toy_policy", Hacked, generations=2, **{**TINY, "monitor_items": 0})
    assert [body["audit"] for body in bodies(tmp_path / "none")] == [{}] * 2


@pytest.mark.slow
def test_a_resumed_run_reads_what_it_read_before(tmp_path: Path) -> None:
    settings = {"generations": 5, **TINY}
    whole = run(tmp_path / "whole", "toy_policy", Hacked, **settings)
    stopped = stopping(Hacked, 2)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "again", "toy_policy", stopped, **settings)
    assert len(bodies(tmp_path / "again")) == 1
    again = run(tmp_path / "again", "toy_policy", stopped, **settings)
    assert again == whole
    assert [b["readings"] for b in bodies(tmp_path / "again")] == [
        b["readings"] for b in bodies(tmp_path / "whole")
    ]


@pytest.mark.slow
def test_a_rejection_is_obeyed_and_a_control_is_not_moved(tmp_path: Path) -> None:
    report = run(tmp_path / "run", "toy_policy", Alarmed, generations=2, **TINY)
    assert [g["decision"] for g in report["generations"]] == ["reject"] * 2
    start = report["states"]["incumbent"]
    assert report["states"]["branch"] == start
    control = run(tmp_path / "c", "toy_policy", Alarmed, generations=2, gate="record", **TINY)
    assert [f["action"] for g in control["generations"] for f in g["findings"]] == ["continue"] * 2
    assert control["states"]["branch"] != start


def test_a_promotion_waits_where_a_monitor_asks(tmp_path: Path) -> None:
    asking = type("Asking", (Alarmed,), {"action": AskApproval()})
    gate = ScriptedGate([Verb.PROMOTE])
    report = run(tmp_path / "run", "toy_policy", asking, gate, generations=1, **TINY)
    assert report["status"] == "needs_approval"
