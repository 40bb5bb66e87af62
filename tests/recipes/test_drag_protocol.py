"""The whole protocol on a script whose leaning is known, and fallback training on a real one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ratchet.claims.metric import read_metric
from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.diagnose.drag.measure import Measure
from ratchet.engine.fake import FakeEngine, Scripted
from ratchet.engine.local import LocalEngine
from ratchet.engine.models.random_llama import write_random_llama
from ratchet.engine.protocol import Full
from ratchet.recipes.contextual_drag import protocol
from ratchet.recipes.contextual_drag.claims import CLAIMS
from ratchet.recipes.contextual_drag.parts import contrast, passes
from ratchet.recipes.contextual_drag.protocol import (
    Protocol,
    as_numbers,
    measure_copying,
    measure_whole,
    tune,
)
from ratchet.recipes.contextual_drag.warm import Side
from ratchet.solve.retry import Asking, Retry
from ratchet.worlds.countdown import self_check, solve_exactly

SMALL = Protocol(problems=30, tokens=500, tries=4, tune=1, rows=4)


class Leaner:
    """Right half of the time; adopts the last draft of its numbers with a chance that changes."""

    def __init__(self, lean: float) -> None:
        self.lean = lean

    def reply(self, prompt: str, number: int) -> str:
        random = Random(number)
        problem = re.findall(r"Problem: (.*)\n", prompt)[-1]
        a, b = re.findall(r"from (\d+), (\d+)", problem)[0]
        answer = solve_exactly(problem) or ""
        if random.random() < 0.5:
            wrong = [f"{a} + {b}", f"{a} - {b}", f"{b} - {a}", f"{a} * {b}", f"{b} / {a}"]
            answer = random.choice([w for w in wrong if not self_check(problem, w).passed])
        drafts = re.findall(r"Draft(?: \d)?: (.*)\n", prompt)
        fits = bool(drafts) and sorted(re.findall(r"\d+", drafts[-1])) == sorted([a, b])
        leans = fits and random.random() < self.lean
        answer = drafts[-1] if leans else answer
        said = "right" if leans else "wrong"
        return f" {said}\nAnswer: {answer}\n\n" if prompt.endswith("Verdict:") else f" {answer}\n"


def fake(script: Leaner) -> FakeEngine:
    engine = FakeEngine({"script": Scripted(script.reply)})
    engine.create("p", "script", Full())
    return engine


def at(measures: dict[str, Measure], name: str) -> float:
    value = measures[name].value
    assert value is not None, name
    return value


def test_every_claim_finds_its_number_and_leaning_shows_in_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Leaner(0.8)
    monkeypatch.setattr(protocol, "tune", lambda *args: setattr(script, "lean", 0.0))
    found = measure_whole(fake(script), "p", SMALL, 1, tmp_path, passes)
    for name in ("drag_1", "copy_excess", "ted_pull_pooled", "benefit_right_1"):
        assert found[name].above_zero, name
    assert at(found, "drag_1") > at(found, "marginal_2") + 0.1
    assert at(found, "ted_pull_pooled") > at(found, "pull_foreign")
    assert at(found, "slope_vote") > at(found, "slope_append")
    assert at(found, "retry_restart") > at(found, "retry_append") + 0.1
    gain = at(found, "retry_restart") - at(found, "retry_append")
    assert at(found, "retry_restart_minus_append") == pytest.approx(gain)
    assert at(found, "fallback_wrong_1") > 0.2 and at(found, "fallback_lost_right_1") > 0.2
    assert "retry_correction_minus_append" in found
    assert (tmp_path / "card.html").read_text().startswith("<!doctype html>")
    numbers = as_numbers(found)
    assert set(numbers["drag_1"]) == {"mean", "low", "high", "n"}
    report = {"epilogue": {"study": numbers}}
    claimed = {c.metric for c in CLAIMS.claims if c.metric.startswith("epilogue")}
    assert len(claimed) == 11
    assert all(read_metric(report, metric) is not None for metric in claimed)


def test_a_size_is_measured_by_its_copies_alone(tmp_path: Path) -> None:
    found = measure_copying(fake(Leaner(0.8)), "p", SMALL, 1, tmp_path, passes)
    assert found["copy_excess"].above_zero and "fallback_wrong_1" not in found
    still = measure_copying(fake(Leaner(0.0)), "p", SMALL, 1, tmp_path / "still", passes)
    assert not still["copy_excess"].above_zero


def test_the_report_says_what_the_kept_policy_solves_beyond_append() -> None:
    tasks = Side(taught=False).tasks(Seed(1).rng(), 60, family="two")
    rest: tuple[Any, ...] = (Asking(), tasks, Seed(2), SMALL)
    shown = contrast(fake(Leaner(0.9)), "p", Retry.RESTART, *rest)["contrasts"]
    ((told, found),) = shown.items()
    assert told == "retries by restart instead of append, equal tokens"
    assert found["low"] > 0.0 and found["n"] == 60
    assert contrast(fake(Leaner(0.9)), "p", Retry.APPEND, *rest) == {}


def test_fallback_training_changes_the_policy_on_taught_problems_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_random_llama(tmp_path / "m", Seed(1), layers=1, width=32, heads=2, key_heads=1)
    engine = LocalEngine(threads=1)
    engine.create("p", str(folder), Full())
    drawn: list[Task] = []
    tasks = Side.tasks

    def watched(self: Side, *args: Any, **named: Any) -> list[Task]:
        found = tasks(self, *args, **named)
        drawn.extend(found)
        return found

    monkeypatch.setattr(Side, "tasks", watched)
    before = engine.score("p", [engine.encode("p", "Answer: 3 * 8")])
    tune(engine, "p", replace(SMALL, tune=2), Seed(1))
    assert engine.score("p", [engine.encode("p", "Answer: 3 * 8")]) != before
    taught = {t.id for t in tasks(Side(taught=True), Seed(9).rng(), 10_000, family="two")}
    assert drawn and {task.id for task in drawn} <= taught
