"""Whole runs of Absolute Zero: records, payment, buffers, joint steps, controls, liveness."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from ratchet.core.codec import from_data
from ratchet.core.state import State
from ratchet.core.task import Rejection
from ratchet.curriculum.buffer import read_buffer
from ratchet.learn.task_relative import task_relative
from ratchet.loop.folder import RunFolder
from ratchet.recipes.absolute_zero import mechanisms
from ratchet.recipes.absolute_zero import recipe as module
from ratchet.recipes.absolute_zero.recipe import AbsoluteZero
from ratchet.recipes.absolute_zero.told import learn_jointly
from ratchet.worlds.programs import FAMILIES, Programs
from tests.recipes.conftest import dead, read_ledger, read_records
from tests.recipes.zero_actor import PROPOSALS, Apart, Run, folder, play

__all__ = ["folder", "play"]


def buffer_of(folder: Path, state: State) -> Any:
    text = RunFolder(folder).store().read(state["buffer"], "buffer.jsonl")
    return read_buffer(text, 16_384)


def test_a_run_is_alive_and_its_measures_follow_from_the_records(play: Run, folder: Path) -> None:
    report = play()
    assert report["status"] == "completed" and dead(report) == []
    live = {name for name, state in report["liveness"].items() if state == "live"}
    own = {"baseline.cells", "learner.solver", "learner.proposer", "reward.uncertainty"}
    own |= {"reward.composite", "buffer.age"}
    assert own | {"reward.format", "filter.new", "filter.distinct"} <= live
    assert "filter.band" not in report["liveness"] and "adpo.scale" not in report["liveness"]
    for number, told in enumerate(report["generations"], 1):
        records, measures = read_records(folder, number), told["measures"]
        written = [r for r in records if r["role"] == "proposer"]
        assert len(written) == measures["proposed"] == 2 * 3 * 6
        assert {w["task"]["family"] for w in written} == set(FAMILIES)
        assert {w["task"]["id"] for w in written} == {"request"}
        solved = [r for r in records if r["role"] == "solver"]
        assert {r["verdict"]["reward"] for r in solved} <= {0.0, 1.0}, "records keep verdicts"
        rates = {r["task"]["id"]: r["measures"]["p"] for r in solved}
        assert measures["attempted"] == len(solved) / 4 >= len(rates)
        assert measures["label_accuracy"] == 1.0 and measures["inflow_share"] == 1.0
        assert 0.0 <= measures["middle"] <= 1.0 and measures["solver_steps"] == 2


def test_a_proposal_earns_the_share_of_failures_or_its_fine(play: Run, folder: Path) -> None:
    play(generations=1, practice=0, boundary=-0.5)
    records = read_records(folder, 1)
    rates = {r["task"]["id"]: r["measures"]["p"] for r in records if r["role"] == "solver"}
    world, seen = Programs(), set[float]()
    for trace in (r for r in records if r["role"] == "proposer"):
        text, reward = trace["attempt"]["answer"], trace["verdict"]["reward"]
        if trace["verdict"]["feedback"] == "reserved":
            assert reward == 0.0
        elif not trace["verdict"]["passed"]:
            assert reward == -1.0 and trace["verdict"]["feedback"]
        elif trace["measures"]["new"]:
            task = world.parse(text)
            rate = rates[getattr(task, "id", "")]
            assert reward == pytest.approx(1.0 - rate if 0.0 < rate < 1.0 else -0.5)
            seen.add(rate)
    assert len(seen) > 1


def test_what_is_sealed_is_neither_attempted_nor_learned_from(
    play: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_texts = set(PROPOSALS[:7])
    held = [Programs().parse(text) for text in held_texts]
    monkeypatch.setattr(module, "held_tasks", lambda recipe: held)
    monkeypatch.setattr("ratchet.recipes.coevolution.phases.held_tasks", lambda recipe: held)
    learned: list[str] = []
    joint = learn_jointly

    def watch(recipe: Any, groups: Any, paid: Any, context: Any) -> Any:
        learned.extend(trace.attempt.answer for group in paid for trace in group)
        return joint(recipe, groups, paid, context)

    monkeypatch.setattr(module, "learn_jointly", watch)
    report = play(generations=1)
    assert dead(report) == [] and report["liveness"]["filter.sealed"] == "live"
    records = read_records(folder, 1)
    written = [r for r in records if r["role"] == "proposer"]
    ids = {task.id for task in held if not isinstance(task, Rejection)}
    sealed = [
        r
        for r in written
        if r["verdict"]["feedback"] == "reserved"
        or (r["verdict"]["passed"] and r["attempt"]["answer"] in held_texts)
    ]
    texts = {r["attempt"]["answer"] for r in sealed}
    assert texts & held_texts and texts - held_texts, "held ones and reserved ones were written"
    assert {r["verdict"]["reward"] for r in sealed} == {0.0}
    assert len(learned) == len(written) - len(sealed)
    assert not (texts - held_texts) & set(learned)
    assert ids.isdisjoint({r["task"]["id"] for r in records if r["role"] == "solver"})


def test_sealed_proposals_that_teach_are_named(play: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "mark_sealed", lambda proposals, held: [False] * len(proposals))
    assert dead(play(generations=1)) == ["filter.sealed"]


def test_a_proposal_of_another_mode_is_none(play: Run, folder: Path) -> None:
    play(generations=1)
    told = {
        (r["task"]["family"], r["verdict"]["feedback"])
        for r in read_records(folder, 1)
        if r["role"] == "proposer" and not r["verdict"]["passed"]
    }
    reasons = {reason for _, reason in told}
    assert {"other_family", "no_task"} <= reasons and {"identity", "reserved"} & reasons


def test_the_buffer_grows_ages_and_is_shown(play: Run, folder: Path) -> None:
    report = play()
    last = from_data(State, read_ledger(folder, "generation")[-1]["candidate"])
    first = from_data(State, read_ledger(folder, "start")[0]["initial"])
    start, end = buffer_of(folder, first), buffer_of(folder, last)
    assert {one.born for one in start.kept} == {0} and len(start.kept) == 6
    assert end.kept[:6] == start.kept and len(end.kept) > 6
    assert {one.born for one in end.kept} <= {0, 1, 2, 3, 4}
    assert len({one.id for one in end.kept}) == len(end.kept)
    world = Programs()
    assert all(getattr(world.parse(one.text), "id", "") == one.id for one in end.kept)
    measures = report["generations"][1]["measures"]
    assert measures["buffer_size"] == len(end.kept)
    assert measures["buffer_age"] == pytest.approx(fmean(end.ages(4)))
    assert measures["reference_age"] > 0
    texts = {one.text for one in end.kept}
    for trace in (r for r in read_records(folder, 2) if r["role"] == "proposer"):
        shown = trace["attempt"]["turns"][0]["text"].split("Q: ")[1:]
        shown = [line.split("\n")[0] for line in shown]
        assert len(shown) == 2 and set(shown) <= texts


def test_both_roles_learn_in_one_step_of_shared_weights(
    play: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[set[tuple[str, str]]] = []
    rule = task_relative

    def watch(groups: Any, **settings: Any) -> Any:
        batches.append({(t.role, t.task.family) for group in groups for t in group})
        return rule(groups, **settings)

    monkeypatch.setattr(module, "task_relative", watch)
    play(generations=1)
    joint = [cells for cells in batches if {role for role, _ in cells} == {"proposer", "solver"}]
    assert len(joint) == 2 and all(len(cells) >= 5 for cells in joint)


def test_the_composite_is_what_is_learned_from(play: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[float] = set()
    joint = learn_jointly

    def watch(recipe: Any, groups: Any, paid: Any, context: Any) -> Any:
        seen.update(trace.verdict.reward for group in groups for trace in group)
        return joint(recipe, groups, paid, context)

    monkeypatch.setattr(module, "learn_jointly", watch)
    play(generations=1)
    assert seen == {1.0, -0.5, -1.0}


def test_roles_may_have_policies_of_their_own(play: Run, folder: Path) -> None:
    report = play(Apart, roles="separate", generations=1)
    assert report["status"] == "completed" and dead(report) == []
    assert report["liveness"]["learner.proposer"] == report["liveness"]["learner.solver"] == "live"
    (start,), (body,) = read_ledger(folder, "start"), read_ledger(folder, "generation")
    before, after = from_data(State, start["initial"]), from_data(State, body["candidate"])
    assert before["proposer"] != after["proposer"] and before["solver"] != after["solver"]


def test_an_unpaid_proposer_and_none_at_all(play: Run, folder: Path) -> None:
    report = play(Apart, roles="separate", proposer="frozen", generations=1)
    (start,), (body,) = read_ledger(folder, "start"), read_ledger(folder, "generation")
    before, after = from_data(State, start["initial"]), from_data(State, body["candidate"])
    assert before["proposer"] == after["proposer"] and before["solver"] != after["solver"]
    assert "learner.proposer" not in report["liveness"] and dead(report) == []


def test_tasks_drawn_evenly_need_no_proposer(play: Run, folder: Path) -> None:
    report = play(proposer="uniform", generations=1, practice=0)
    records = read_records(folder, 1)
    assert {r["role"] for r in records} == {"solver"} and dead(report) == []
    assert report["generations"][0]["measures"]["attempted"] == 2 * 18


def test_a_resumed_run_comes_to_the_same_end(play: Run, folder: Path, tmp_path: Path) -> None:
    whole = play()
    folder.rename(tmp_path / "whole")
    with pytest.MonkeyPatch.context() as monkeypatch:
        calls: list[int] = []
        step = AbsoluteZero.take_step

        def stop(recipe: AbsoluteZero, *given: Any) -> Any:
            calls.append(1)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return step(recipe, *given)

        monkeypatch.setattr(AbsoluteZero, "take_step", stop)
        with pytest.raises(KeyboardInterrupt):
            play()
    assert play() == whole


FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "cells are pooled": (
        lambda m: m.setattr(
            mechanisms,
            "task_relative",
            lambda groups: task_relative(groups, baseline="pooled"),
        ),
        "baseline.cells",
    ),
    "wrong and unreadable are one": (
        lambda m: m.setattr(mechanisms, "composite", lambda verdict, *_: verdict.reward),
        "reward.composite",
    ),
    "the buffer forgets births": (
        lambda m: m.setattr("ratchet.curriculum.buffer.Buffer.ages", lambda self, now: [0] * 9),
        "buffer.age",
    ),
    "the boundary is never fined": (
        lambda m: m.setattr(
            "ratchet.curriculum.rewards.combine",
            lambda ok, unsure, tool, repeated, weights: unsure if ok else weights.invalid,
        ),
        "reward.boundary",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_trigger_finds_a_dead_mechanism(
    fault: str, play: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, name = FAULTS[fault]
    plant(monkeypatch)
    report = play(generations=1, boundary=-0.5)
    assert name in dead(report) and report["generations"] == []


def test_cells_that_are_not_centred_on_the_way_are_found(
    play: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = task_relative
    pooled = lambda groups, **_: rule(groups, baseline="pooled")  # noqa: E731
    monkeypatch.setattr(module, "task_relative", pooled)
    assert "baseline.cells" in dead(play(generations=1))


def test_a_composite_that_is_not_learned_from_is_found(
    play: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "shaped", lambda trace, *_: trace)
    assert dead(play(generations=1)) == ["reward.composite"]


def test_a_pooled_baseline_is_a_setting_and_names_no_cells(play: Run) -> None:
    report = play(generations=1, baseline="pooled")
    assert dead(report) == [] and "baseline.cells" not in report["liveness"]
