"""Tasks that are measured and never trained on: held ones, and those of a second world."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from ratchet.core.task import Rejection
from ratchet.worlds.arithmetic import Arithmetic
from ratchet.worlds.arithmetic import solve_exactly as compute
from ratchet.worlds.countdown import solve_exactly
from tests.recipes import conftest
from tests.recipes.conftest import Run, dead, read_records

TWO: dict[str, Any] = {"generations": 2, "quality_texts": 0}


def test_held_tasks_come_again_and_are_never_trained_on(play: Run, folder: Path) -> None:
    report = play(held_tasks=16, **TWO)
    assert report["status"] == "completed" and dead(report) == []
    asked = []
    for number, generation in enumerate(report["generations"], 1):
        records = read_records(folder, number)
        held = [r for r in records if r["role"] == "held"]
        solved = {r["task"]["id"] for r in records if r["role"] == "solver"}
        asked.append([r["task"]["id"] for r in held])
        assert len(held) == 16 * 4 and not solved & set(asked[-1])
        assert {r["verdict"]["source"] for r in held} == {"exact"}
        groups: dict[str, list[bool]] = {}
        for r in held:
            groups.setdefault(r["task"]["id"], []).append(r["verdict"]["passed"])
        measures = generation["measures"]
        assert measures["held_pass_1"] == pytest.approx(fmean(map(fmean, groups.values())))
        assert measures["held_pass_k"] == pytest.approx(fmean(map(any, groups.values())))
    assert asked[0] == asked[1]
    assert not any(isinstance(Arithmetic().parse(r["task"]["prompt"]), Rejection) for r in held
                   if r["task"]["family"] != "words")  # fmt: skip


def test_a_held_task_that_is_proposed_is_not_trained_on(
    play: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [Arithmetic().parse(text) for text in conftest.PROPOSALS]
    known = [task for task in tasks if not isinstance(task, Rejection)]
    monkeypatch.setattr("ratchet.recipes.coevolution.phases.held_tasks", lambda recipe: known)
    report = play(**{**TWO, "generations": 1})
    assert report["generations"][0]["measures"]["attempted"] == 0


def test_held_attempts_are_judged_by_truth_whatever_the_labels_are(play: Run, folder: Path) -> None:
    play(held_tasks=16, labels="plurality", **{**TWO, "generations": 1})
    held = [r for r in read_records(folder, 1) if r["role"] == "held"]
    assert held and all(
        r["verdict"]["passed"]
        == (r["attempt"]["answer"].strip() == str(compute(r["task"]["prompt"])))
        for r in held
    )


@pytest.mark.parametrize(("solves", "share"), [(True, 1.0), (False, 0.0)])
def test_transfer_is_the_share_of_another_world(
    solves: bool, share: float, play: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform = conftest.perform

    def answer(prompt: str, style: str) -> str:
        question = conftest.question_of(prompt)
        solution = solve_exactly(question) if question.startswith("Make") else None
        return f" {solution}\n" if solution and solves else perform(prompt, style)

    monkeypatch.setattr(conftest, "perform", answer)
    report = play(transfer_items=8, **TWO)
    for generation in report["generations"]:
        measures = generation["measures"]
        assert measures["transfer"] == measures["transfer_parsed"] == share
        assert measures["transfer_change"] == 0.0
    assert report["course"]["slopes"]["transfer"] == 0.0
