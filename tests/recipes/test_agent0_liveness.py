"""Defects of published code, planted one by one: each makes the run invalid and is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ratchet.core.records import Trace
from ratchet.core.task import Attempt, StopReason, Task, Verdict
from ratchet.curriculum import rewards
from ratchet.curriculum.difficulty import DIFFICULTIES
from ratchet.curriculum.propose import Proposal
from ratchet.curriculum.rewards import Tried
from ratchet.diagnose.proposals import NoValidProposals, RepeatedProposals
from ratchet.engine.losses import Batch, Loss, LossReport
from ratchet.engine.protocol import Optim, StepReport
from ratchet.learn.adpo import adpo
from ratchet.loop.monitor import Alarm
from ratchet.loop.versions import Store
from ratchet.recipes.agent0.config import Config
from ratchet.recipes.coevolution import mechanisms, pool
from ratchet.recipes.coevolution import phases as recipe
from ratchet.recipes.coevolution.monitors import list_monitors
from ratchet.solve.procedure import Tool
from ratchet.verify.labels import Labelled, trace_labelled
from tests.recipes.conftest import Actor, Clean, Played, Run, Wordy, configure, dead

ONE: dict[str, Any] = {"generations": 1, "quality_texts": 0}
Patch = Callable[[pytest.MonkeyPatch], None]


class Unclipped(Actor):
    """The clip is chosen by a key that nothing reads: every bound is left out."""

    def forward_backward(self, name: str, batch: Batch, loss: Loss) -> LossReport:
        rows = tuple(replace(row, clip_low=(), clip_high=()) for row in batch.rows)
        return super().forward_backward(name, Batch(rows), loss)


class StillSolver(Actor):
    """Its optimiser takes the solver's gradient and moves nothing."""

    role = "solver"

    def optim_step(self, name: str, optim: Optim) -> StepReport:
        return super().optim_step(name, replace(optim, lr=0.0) if name == self.role else optim)


class StillProposer(StillSolver):
    """The same for the proposer."""

    role = "proposer"


def pick_all(proposals: Sequence[Proposal], seen: frozenset[str]) -> list[Task]:
    return [p.outcome for p in proposals if isinstance(p.outcome, Task)]


def pick_within_batch(proposals: Sequence[Proposal], seen: frozenset[str]) -> list[Task]:
    """Drop what comes twice in a batch, and forget earlier generations."""
    return list({task.id: task for task in pick_all(proposals, seen)}.values())


def count_in_own_text(proposal: Proposal, groups: dict[str, Labelled]) -> Tried:
    tried = TRY_OF(proposal, groups)
    return replace(tried, calls=(tried.text.count("</calc>"),) * len(tried.calls))


def trace_at_a_constant(group: Labelled) -> list[Trace]:
    traces = trace_labelled(group)
    return [replace(trace, measures={**trace.measures, "p": 0.6}) for trace in traces]


TRY_OF = pool._try_of
COMBINE = rewards.combine
AT_START: dict[str, tuple[Patch, str]] = {
    "uncertainty is constant": (
        lambda m: m.setitem(DIFFICULTIES, "uncertainty", lambda p: 0.0),
        "reward.uncertainty",
    ),
    "tool term is constant": (
        lambda m: m.setattr(rewards, "tool_use", lambda calls, cap: 0.0),
        "reward.tool",
    ),
    "repetition is constant": (
        lambda m: m.setattr(rewards, "repetition", lambda texts, **_: [0.0] * len(texts)),
        "reward.floor reward.repetition",
    ),
    "format gate is open": (
        lambda m: m.setattr(
            rewards, "combine", lambda valid, *t: COMBINE(True, *t) + 0.5 * (not valid)
        ),
        "reward.format",
    ),
    "scale is constant": (
        lambda m: m.setattr("ratchet.learn.adpo.trust", lambda p, floor: 0.84),
        "adpo.scale",
    ),
    "upper clip is constant and far": (
        lambda m: m.setattr("ratchet.learn.adpo.upper_clip", lambda p, clip, bonus: 1e9),
        "clip",
    ),
    "tool never inserts": (lambda m: m.setattr(Tool, "call", lambda tool, text: None), "tool"),
    "dedup drops nothing": (
        lambda m: m.setattr(mechanisms, "pick_new", pick_all),
        "filter.distinct filter.new",
    ),
    "band keeps all": (
        lambda m: m.setattr(mechanisms, "pick_frontier", lambda rates, *_: list(range(len(rates)))),
        "filter.band",
    ),
}
"""Faults that a planted trigger finds before the run costs anything."""
ON_THE_WAY: dict[str, tuple[Patch, str]] = {
    "tool term counts the proposer's own text": (
        lambda m: m.setattr(pool, "_try_of", count_in_own_text),
        "reward.tool",
    ),
    "p is a constant": (
        lambda m: m.setattr(recipe, "trace_labelled", trace_at_a_constant),
        "adpo.scale",
    ),
    "band keeps all": (
        lambda m: m.setattr(recipe, "pick_frontier", lambda rates, *_: list(range(len(rates)))),
        "filter.band",
    ),
    "dedup is not wired": (
        lambda m: m.setattr(recipe, "pick_new", pick_all),
        "filter.distinct",
    ),
}
"""Faults of wiring: the parts work, so that only what happens in the run can tell."""


@pytest.mark.parametrize("fault", AT_START)
def test_a_fault_is_named_at_the_start(
    fault: str, play: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch, name = AT_START[fault]
    patch(monkeypatch)
    report = play(**ONE)
    assert dead(report) == name.split()
    assert report["generations"] == [] and report["final"]["score"] is None


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        (Unclipped, "clip"),
        (StillSolver, "learner.solver"),
        (StillProposer, "learner.proposer"),
    ],
)
def test_a_fault_of_the_engine_is_named(actor: type[Actor], name: str, play: Run) -> None:
    report = play(type("Faulty", (Played,), {"actor": actor}), **ONE)
    assert dead(report) == [name] and report["generations"] == []


@pytest.mark.parametrize("probe", [NoValidProposals, RepeatedProposals])
def test_a_probe_that_never_fires_is_named(
    probe: type[Any], play: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "measure", lambda probe, window, state: None)
    assert dead(play(**ONE)) == [probe().name]


@pytest.mark.parametrize("monitor", list_monitors(configure()), ids=lambda monitor: monitor.name)
@pytest.mark.parametrize("alarm", [None, Alarm("always")])
def test_a_monitor_that_never_fires_or_always_is_named(
    monitor: Any, alarm: Alarm | None, play: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(monitor), "judge", lambda monitor, readings: alarm)
    of_its_kind = [m.name for m in list_monitors(configure()) if type(m) is type(monitor)]
    assert dead(play(**ONE)) == sorted(of_its_kind)


@pytest.mark.parametrize("fault", ON_THE_WAY)
def test_a_fault_of_wiring_is_named(fault: str, play: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    patch, name = ON_THE_WAY[fault]
    patch(monkeypatch)
    report = play(**ONE)
    assert dead(report) == [name]
    assert len(report["generations"]) == 1


def test_a_filter_that_forgets_earlier_generations_is_named(
    play: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "pick_new", pick_within_batch)
    report = play(generations=2, quality_texts=0)
    assert dead(report) == ["filter.new"] and report["liveness"]["filter.distinct"] == "live"


def test_a_tool_that_is_not_wired_is_named(play: Run) -> None:
    class Toolless(Played):
        def __init__(self, config: Config, store: Store) -> None:
            super().__init__(config, store)
            self.procedure = replace(self.procedure, tool=None)

    assert dead(play(Toolless, **ONE)) == ["tool"]


def test_adpo_refuses_to_do_without_p() -> None:
    attempt = Attempt("1", "solver", (), "42", StopReason.END)
    verdicts = [Verdict(1.0, True, True, "exact"), Verdict(0.0, False, True, "exact")]
    traces = [Trace(Task("1", "", "", "", 1), attempt, verdict, "solver") for verdict in verdicts]
    with pytest.raises(ValueError, match=r"measures\['p'\]"):
        adpo([traces])


def test_a_clean_run_is_alive(clean: Clean) -> None:
    assert dead(clean.report) == []
    states = clean.report["liveness"]
    live = {name for name, state in states.items() if state == "live"}
    assert live == {
        *("adpo.scale", "clip", "filter.band", "filter.distinct", "filter.new", "tool"),
        *("learner.proposer", "learner.solver"),
        *("reward.floor", "reward.format", "reward.repetition"),
        *("reward.tool", "reward.uncertainty"),
    }
    monitors = {monitor.name for monitor in list_monitors(configure())}
    asleep = {"labels", "mask", "no_valid_proposals", "repeated_proposals"}
    assert set(states) - live == asleep | monitors


@pytest.mark.parametrize(("rule", "epochs", "state"), [("adpo", 1, "dormant"), ("grpo", 2, "live")])
def test_the_clip_sleeps_while_there_is_one_step(
    rule: str, epochs: int, state: str, play: Run
) -> None:
    report = play(rule=rule, epochs=epochs, batch=8, **ONE)
    assert report["generations"][0]["measures"]["solver_steps"] == epochs
    assert report["liveness"]["clip"] == state and dead(report) == []
    assert ("adpo.scale" in report["liveness"]) == (rule == "adpo")


def test_rewards_that_are_all_zero_are_no_dead_terms(play: Run) -> None:
    report = play(type("Hopeless", (Played,), {"actor": Wordy}), **ONE)
    assert dead(report) == []
    assert report["generations"][0]["measures"]["pass_rate"] == 0.0
    assert report["liveness"]["reward.repetition"] == "live"
    assert report["liveness"]["reward.uncertainty"] == "dormant"
