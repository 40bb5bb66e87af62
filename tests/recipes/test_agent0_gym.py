"""Agent0 on the world of reasoning-gym, played by an actor that knows some answers."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.errors import ConfigError
from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.guard.charter import Charter, find_charter
from ratchet.loop.versions import Store
from ratchet.recipes.agent0 import recipe as module
from ratchet.recipes.agent0.config import Config
from ratchet.recipes.agent0.recipe import Agent0
from ratchet.recipes.coevolution.ground import GROUNDS, find_ground
from ratchet.recipes.language_self_play.recipe import LanguageSelfPlay
from ratchet.recipes.launch import find_method, launch
from ratchet.report import page
from ratchet.worlds.gym import ReasoningGym, designate
from ratchet.worlds.gym.bank import answer_of, open_bank
from ratchet.worlds.protocol import Stream
from tests.recipes import conftest
from tests.recipes.conftest import SMALL, Actor, dead, question_of, read_records

pytestmark = pytest.mark.slow

CHARTER = Charter.read(find_charter("reasoning_gym_small"))
GROUND = find_ground(CHARTER, GROUNDS)


@cache
def world() -> ReasoningGym:
    opened = GROUND.open(CHARTER)
    assert isinstance(opened, ReasoningGym)
    return opened


@cache
def proposals() -> tuple[str, ...]:
    """Return names of open tasks, of reserved ones, and what names none."""
    some = world().tasks(Seed(3).rng(), 24)
    rng = Seed(4).rng()
    kept = world().anchors(rng, 6, Stream.GATE, CHARTER.families, CHARTER.levels)
    return (*map(designate, (*some, *kept)), "What is 3 + 4?", "gcd level 9 number 1")


class Quiz(Agent0):
    """The recipe on an actor that proposes these."""

    def __init__(self, config: Config, store: Store) -> None:
        super().__init__(config, store)
        self.engine = Actor(proposals())  # type: ignore[assignment]


def answer(prompt: str, style: str) -> str:
    """Return the text of an action: the right answer, another one, or none."""
    question = question_of(prompt)
    banks = (open_bank(family, level) for family in world().families for level in world().levels)
    held = next((answer_of(bank[question]) for bank in banks if question in bank), "none")
    return {"right": f" {held}\n", "wrong": f" {held}1\n"}.get(style, " \n")


def test_a_run_trains_on_what_it_is_measured_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "render_page", lambda report, folder: "<!doctype html>")
    monkeypatch.setattr(module, "build", Quiz)
    monkeypatch.setattr(conftest, "perform", answer)
    charter = tmp_path / "charter.toml"
    text = find_charter("reasoning_gym_small").read_text(encoding="utf-8")
    charter.write_text(text.partition("[gate]")[0], encoding="utf-8")
    settings = {**SMALL, "charter": str(charter), "tool": False, "pool": 32}
    report = launch(find_method("agent0").configure("tiny", **settings), tmp_path / "run")
    assert report["status"] == "completed" and dead(report) == []
    records = [r for n in (1, 2) for r in read_records(tmp_path / "run", n)]
    solved = [r for r in records if r["role"] == "solver"]
    assert {r["task"]["world"] for r in solved} == {"reasoning_gym"}
    assert {r["task"]["family"] for r in solved} <= set(CHARTER.families)
    assert {r["verdict"]["passed"] for r in solved} == {True, False}
    banks = {(f, n): open_bank(f, n) for f in CHARTER.families for n in CHARTER.levels}
    tasks = [banks[r["task"]["family"], r["task"]["level"]][r["task"]["prompt"]] for r in solved]
    assert tasks and all(problem.stream is None for problem in tasks)
    written = [r["verdict"]["feedback"] for r in records if r["role"] == "proposer"]
    assert {"", "reserved", "no_designation", "unknown_level"} == set(written)
    assert set(report["families"]) == set(CHARTER.families)


def test_worked_examples_are_open_right_and_of_every_family() -> None:
    shots = GROUND.shots(world())
    assert len(shots) == len(world().families)
    worked = 0
    for (prompt, answer, expression), family in zip(shots, world().families, strict=True):
        problem = open_bank(family, 1)[prompt]
        assert problem.stream is None and answer_of(problem) == answer
        worked += bool(expression)
    assert worked == 2
    named = [world().parse(name) for name in GROUND.examples(world())]
    families = [task.family for task in named if isinstance(task, Task)]
    assert sorted(families) == sorted(2 * world().families)


def test_a_charters_families_and_levels_are_what_is_drawn() -> None:
    drawn = world().tasks(Seed(1).rng(), 200)
    assert {task.family for task in drawn} == set(CHARTER.families)
    assert {task.level for task in drawn} == set(CHARTER.levels)


def test_a_planted_question_has_the_verdicts_it_says() -> None:
    for task in world().tasks(Seed(2).rng(), 40):
        planted = GROUND.plant(task)
        verdicts = [world().check(task, t) for t in (planted.right, planted.wrong, planted.unread)]
        assert [(v.passed, v.parsed) for v in verdicts] == [
            (True, True),
            (False, True),
            (False, False),
        ]


def test_the_answer_to_an_anchor_is_not_shown() -> None:
    rng = Seed(5).rng()
    for anchor in world().anchors(rng, 10, Stream.GATE, CHARTER.families, CHARTER.levels):
        with pytest.raises(ValueError, match="the evaluator's alone"):
            GROUND.plant(anchor)


@pytest.mark.parametrize("recipe", [Agent0, LanguageSelfPlay])
def test_a_world_that_a_recipe_cannot_put_is_refused(recipe: type[Any], tmp_path: Path) -> None:
    method = "agent0" if recipe is Agent0 else "language_self_play"
    charter = "functions" if recipe is Agent0 else "reasoning_gym"
    config = find_method(method).configure("smol", charter=charter)
    with pytest.raises(ConfigError, match="does not know how to put the tasks of"):
        recipe(config, Store(tmp_path))
