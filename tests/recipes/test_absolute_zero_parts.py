"""Parts of Absolute Zero: profiles, procedures, the supervised start, Python functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.core.errors import ConfigError
from ratchet.core.seeds import Seed
from ratchet.curriculum.buffer import read_buffer
from ratchet.engine.losses import Row
from ratchet.engine.protocol import Full
from ratchet.loop.versions import Store
from ratchet.recipes.absolute_zero.config import Config
from ratchet.recipes.absolute_zero.procedures import (
    FORMS,
    list_procedures,
    proposing,
    request_of,
    seed_buffer,
)
from ratchet.recipes.absolute_zero.profiles import PROFILES, difference_table
from ratchet.recipes.absolute_zero.warm import encode, warm_up, work_out
from ratchet.recipes.launch import find_method
from ratchet.solve.procedure import Tool
from ratchet.worlds.arithmetic import calculate
from ratchet.worlds.programs import FAMILIES, Problem, Programs
from ratchet.worlds.programs.reading import read_proposal
from tests.recipes.conftest import ROOT
from tests.recipes.zero_actor import Actor, Played


def test_profiles_say_0_and_a_fine_of_a_half() -> None:
    method = find_method("absolute_zero")
    paper, release = (method.configure("tiny", profile=name) for name in ("paper", "release"))
    assert isinstance(paper, Config) and isinstance(release, Config)
    assert (paper.boundary, release.boundary) == (0.0, -0.5)
    assert {k for k in PROFILES["paper"] if PROFILES["paper"][k] != PROFILES["release"][k]} == {
        "boundary"
    }
    assert (release.weights.boundary, release.weights.invalid) == (-0.5, -1.0)
    assert difference_table() in (ROOT / "docs" / "profiles.md").read_text("utf-8")


def test_examples_must_be_open_and_of_every_mode() -> None:
    world = Programs()
    with pytest.raises(ConfigError, match="no open task"):
        seed_buffer(world, ["f(x) = x, f(4) = ?"])
    with pytest.raises(ConfigError, match="abduction"):
        seed_buffer(world, ["f(x) = x + 5, f(3) = ?", "f(x) = x + 3, f(2), f(7), f(0)"])


def test_a_request_shows_its_references_and_takes_a_line() -> None:
    form = FORMS["programs"]
    kept = seed_buffer(Programs(), form.seeds)
    request, procedure = request_of(form, "abduction", kept[2:4]), proposing(form, 16)
    asked = procedure.fill(request.prompt)
    assert asked == "Q: f(x) = x * 3 - 1, f(?) = f(4)\nQ: f(x) = x + 8, f(?) = f(5)\nQ:"
    assert procedure.read("", " f(x) = x + 1, f(2) = ?\nmore") == "f(x) = x + 1, f(2) = ?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("f(x) = x * 2 + 1, f(-7) = ?", "<calc>(-7) * 2 + 1</calc> [-13] -13"),
        ("f(x) = x % 4, f(7) = ?", "3"),
        ("f(x) = x + 8, f(?) = f(5)", "<calc>13 - 8</calc> [5] 5"),
        ("f(x) = x * 3 - 1, f(?) = f(4)", "4"),
        ("f(x) = x - 6, f(9), f(6), f(20)", "<calc>9 - 3</calc> [6] x - 6"),
        ("f(x) = sort(x), f(?) = f([6, 2])", "[6, 2]"),
    ],
)
def test_worked_answers_are_right(text: str, said: str) -> None:
    problem, world = read_proposal(text), Programs()
    assert isinstance(problem, Problem)
    task = world.parse(text)
    assert work_out(problem, tool=True) == said
    bare = work_out(problem)
    assert "<calc>" not in bare and said.endswith(bare)
    assert world.check(task, bare).passed  # type: ignore[arg-type]


@pytest.mark.parametrize(("called", "least", "most"), [(1.0, 12, 30), (0.0, 2, 11)])
def test_supervised_rows_hold_open_problems_only(
    called: float, least: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[tuple[str, list[str]]] = []
    engine = Actor()
    engine.create("solver", "actor", Full())

    def keep(engine: Any, policy: str, prompt: str, parts: list[str]) -> Row:
        texts.append((prompt, parts))
        return Row((1, 2), (0.0, 1.0))

    monkeypatch.setattr("ratchet.recipes.absolute_zero.warm.encode", keep)
    monkeypatch.setattr(engine, "forward_backward", lambda *given: None)
    monkeypatch.setattr(engine, "optim_step", lambda *given: None)
    saved: list[bool] = []
    save = engine.save

    def watch(name: str, folder: Path, optimiser: bool = True) -> None:
        saved.append(optimiser)
        save(name, folder, optimiser)

    monkeypatch.setattr(engine, "save", watch)
    warm_up(engine, "solver", (1, 2), True, called, Seed(1), 6, 8, 1e-3)
    assert saved == [False], "moments are forgotten"
    assert engine.encode("solver", "a"), "the policy is there again"
    world, asked = Programs(), 0
    for prompt, parts in texts:
        if prompt:
            question = prompt.removeprefix("Q: ").removesuffix("\nA:")
            outcome = world.parse(question)
            assert getattr(outcome, "reason", "") != "reserved"
            asked += 1
        else:
            listed = [line.removeprefix("Q: ").strip() for line in parts]
            assert all(hasattr(world.parse(line), "prompt") for line in listed)
    assert len(texts) == 48 and 20 < asked < 48
    assert least <= sum("<calc>" in part for prompt, (part, *_) in texts if prompt) <= most


def test_a_row_counts_the_prompt_for_little() -> None:
    engine = Actor()
    engine.create("solver", "actor", Full())
    row = encode(engine, "solver", "Q: a\nA:", [" b\n"])
    assert row.weights[-1] == 1.0 and row.weights[0] == 0.1
    assert len(row.weights) == len(row.tokens)


def test_python_functions_are_a_world_of_the_recipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Texts of several lines end with an empty line; the sandbox is the run's own."""
    config = find_method("absolute_zero").configure(
        "smol", world="python", model="actor", charter="python_programs", warm_steps=0
    )
    assert isinstance(config, Config)
    recipe = Played(config, Store(tmp_path))
    try:
        assert recipe.sandbox is not None and recipe.sandbox.capability.level >= recipe.isolation
        state = recipe.initial(Seed(1))
        buffer = read_buffer(recipe.store.read(state["buffer"], "buffer.jsonl"), 64)
        assert {one.family for one in buffer.kept} == set(FAMILIES)
        form = FORMS["python"]
        asked = recipe.request.fill(request_of(form, "deduction", buffer.kept[:1]).prompt)
        assert asked == "Q: def f(x):\n    return x * 2 + 1\nf(7) = ?\n\nQ:"
        assert recipe.request.stop == ("\n\n",)
        for prompt, answer in form.examples:
            proposal = {
                "f(?) = 11": prompt.replace("11", "f(4)"),
                "f(?) = [2, 6]": prompt.replace("[2, 6]", "f([6, 2])"),
            }.get(prompt.rpartition("\n")[2], prompt)
            task = recipe.world.parse(proposal)
            if "f = ?" not in prompt:
                assert recipe.world.check(task, answer).passed, task  # type: ignore[arg-type]
    finally:
        assert recipe.sandbox is not None
        recipe.sandbox.close()
    astray = config.model_copy(update={"charter": "programs_small"})
    with pytest.raises(ConfigError, match="measures"):
        Played(astray, Store(tmp_path))
    with pytest.raises(ConfigError, match="warm_steps"):
        find_method("absolute_zero").configure("smol", world="python", warm_steps=5)


@pytest.mark.parametrize("name", FORMS)
def test_procedures_are_shown_worked_examples(name: str) -> None:
    form, tool = FORMS[name], Tool("<calc>", "</calc>", lambda text: "", " [{result}]")
    plain = list_procedures(form, 16, 3, None)
    assert set(plain) == {"direct", "few_shot"} and plain["few_shot"].tool is None
    found = list_procedures(form, 16, 3, tool)
    assert set(found) == {"direct", "few_shot", "direct_tool", "few_shot_tool"}
    assert found["direct_tool"].max_turns == 3 and found["direct"].max_turns == 1
    assert ("<calc>" in found["few_shot_tool"].template) == (name == "programs")
    assert "<calc>" not in found["few_shot"].template
    assert all(one.template.endswith("Q: {prompt}\nA:") for one in found.values())


def test_worked_examples_are_open_right_and_call_as_the_tool_answers() -> None:
    form, world = FORMS["programs"], Programs()
    texts = {
        "f(x) = x + 8, f(?) = 13": "f(x) = x + 8, f(?) = f(5)",
        "f(x) = x * 3 - 1, f(?) = 11": "f(x) = x * 3 - 1, f(?) = f(4)",
        "f(2) = 5, f(7) = 10, f(0) = 3, f(x) = ?": "f(x) = x + 3, f(2), f(7), f(0)",
        "f(9) = 3, f(6) = 0, f(20) = 14, f(x) = ?": "f(x) = x - 6, f(9), f(6), f(20)",
    }
    for prompt, answer in form.worked:
        task = world.parse(texts.get(prompt, prompt))
        said = answer.rpartition("] ")[2]
        assert world.check(task, said).passed  # type: ignore[arg-type]
        if "<calc>" in answer:
            asked, _, rest = answer.removeprefix("<calc>").partition("</calc>")
            assert rest.startswith(f" [{calculate(asked)}] ")
