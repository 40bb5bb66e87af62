"""Absolute Zero on an actor: one table that proposes and solves, whose actions become texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from ratchet.core.codec import from_data
from ratchet.core.errors import ConfigError, EngineError
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.core.task import Cost
from ratchet.curriculum.buffer import read_buffer
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.losses import Row
from ratchet.engine.protocol import Adapter, Completion, Follow, Full, Sampling
from ratchet.learn.task_relative import task_relative
from ratchet.loop.folder import RunFolder
from ratchet.loop.versions import Store
from ratchet.recipes.absolute_zero import mechanisms
from ratchet.recipes.absolute_zero import recipe as module
from ratchet.recipes.absolute_zero.config import Config
from ratchet.recipes.absolute_zero.procedures import (
    FORMS,
    list_procedures,
    proposing,
    request_of,
    seed_buffer,
)
from ratchet.recipes.absolute_zero.profiles import PROFILES, difference_table
from ratchet.recipes.absolute_zero.recipe import AbsoluteZero
from ratchet.recipes.absolute_zero.told import learn_jointly
from ratchet.recipes.absolute_zero.warm import encode, warm_up, work_out
from ratchet.recipes.launch import find_method, launch, resume
from ratchet.report import page
from ratchet.solve.procedure import Tool
from ratchet.worlds.arithmetic import calculate
from ratchet.worlds.programs import FAMILIES, Problem, Programs, run
from ratchet.worlds.programs.reading import read_prompt, read_proposal, read_value
from ratchet.worlds.programs.running import write_value
from tests.recipes.conftest import ROOT, dead, read_ledger, read_records

SMALL: dict[str, Any] = {
    "model": "actor",
    "threads": 1,
    "generations": 2,
    "gate": "record",
    "gate_items": 6,
    "audit_items": 6,
    "monitor_items": 4,
    "final_items": 6,
    "warm_steps": 0,
    "joint_steps": 2,
    "proposals": 6,
    "references": 2,
    "practice": 1,
    "attempts": 4,
    "solver_lr": 0.2,
    "tool": False,
    "max_turns": 1,
    "max_tokens": 8,
    "held_tasks": 0,
}
CHARTER = """
objective = "Tests."
world = "ratchet.worlds.programs:Programs"
[families]
deduction = 0.5
abduction = 0.5
[levels]
1 = 1.0
"""
PROPOSALS = (
    *(f"f(x) = x * 2 + 1, f({x}) = ?" for x in (3, 5, 7, 8)),
    *(f"f(x) = x * 3 - 1, f(?) = f({x})" for x in (4, 6, 9)),
    *(f"f(x) = x + 8, f(?) = f({x})" for x in (5, 2)),
    *(f"f(x) = x + 3, f(2), f(7), f({x})" for x in (0, 4, 11)),
    "f(x) = x, f(4) = ?",
    "f(x) = x * 4, f(1), f(5), f(2)",
    "no task",
)
"""What the actor proposes: open tasks of every mode, a trivial one, a reserved one, none."""
STYLES = ("right", "wrong", "silent")
ANSWERS = {"f(2) = 5": "x + 3"}


def sees(text: str) -> str:
    """Return what the actor sees: the mode asked for, or how long the question is."""
    question = text.rpartition("Q:")[2]
    if "A:" not in question:
        shown = text.strip().splitlines()[0]
        return "ask " + (
            "induction"
            if shown.endswith(")") and "= ?" not in shown and "?)" not in shown
            else "abduction"
            if "f(?)" in shown
            else "deduction"
        )
    return str(len(question) % 2)


def leans(seen: str) -> Sequence[float]:
    blocked = -30.0
    if seen.startswith("ask"):
        return (*(blocked,) * len(STYLES), *(0.0,) * len(PROPOSALS))
    return (*((1.0, 0.5, 0.0) if seen == "1" else (0.0, 1.0, 0.0)), *(blocked,) * len(PROPOSALS))


def perform(prompt: str, style: str) -> str:
    """Return the text of an action."""
    question = prompt.rpartition("Q: ")[2].partition("\nA:")[0]
    if style == "silent":
        return " well\n"
    return f" {solve(question) if style == 'right' else '9999'}\n"


def solve(question: str) -> str:
    """Return an answer that the test knows how to find."""
    asked = read_prompt(question)
    assert asked is not None, question
    statement, program = asked
    if program is None:
        return next((a for shown, a in ANSWERS.items() if shown in question), "x")
    if statement.mode == "deduction":
        given = read_value(statement.inputs[0])
        assert given is not None
        output = run(program, given)
        return write_value(output) if not isinstance(output, str) else "0"
    wanted = read_value(statement.outputs[0])
    return next((str(x) for x in range(-30, 60) if run(program, x) == wanted), "0")


class Actor(FakeEngine):
    """One table for both roles: what it sees tells it which one it plays."""

    policies: Sequence[str] = ("solver",)

    def __init__(self) -> None:
        table = Tabular((*STYLES, *PROPOSALS), sees, prior=leans)
        super().__init__(dict.fromkeys(self.policies, table))

    def create(self, name: str, base: str, kind: Adapter | Full, seed: int = 0) -> None:
        if base != "actor":
            raise EngineError(f"no base is named {base!r}", "use actor")
        super().create(name, name, kind, seed)

    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        if follow is not None:
            return super().sample(name, prompts, sampling, follow)
        texts = [self.decode(name, prompt) for prompt in prompts]
        found = super().sample(name, prompts, sampling)
        return [
            group
            if sees(text).startswith("ask")
            else [Completion(c.tokens, c.logprobs, perform(text, c.text), c.stop) for c in group]
            for text, group in zip(texts, found, strict=True)
        ]

    def spent(self) -> Cost:
        return Cost()


class Two(Actor):
    """The same with a table for each role."""

    policies = ("proposer", "solver")


class Played(AbsoluteZero):
    actor: type[Actor] = Actor

    def __init__(self, config: Config, store: Store) -> None:
        super().__init__(config, store)
        self.engine = self.actor()  # type: ignore[assignment]


class Apart(Played):
    actor = Two


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def play(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def act(build: type[AbsoluteZero] = Played, **settings: Any) -> dict[str, Any]:
        charter = folder.parent / "charter.toml"
        charter.write_text(CHARTER, encoding="utf-8")
        monkeypatch.setattr(page, "render_page", lambda report, folder: "<!doctype html>")
        monkeypatch.setattr(module, "build", build)
        given = {**SMALL, "charter": str(charter), **settings}
        if folder.exists():
            report = resume(folder)
        else:
            report = launch(find_method("absolute_zero").configure("tiny", **given), folder)
        del report["cost"]
        return report

    return act


def buffer_of(folder: Path, state: State) -> Any:
    text = RunFolder(folder).store().read(state["buffer"], "buffer.jsonl")
    return read_buffer(text, 16_384)


def test_a_run_is_alive_and_its_measures_follow_from_the_records(play: Run, folder: Path) -> None:
    report = play()
    assert report["status"] == "completed" and dead(report) == []
    live = {name for name, state in report["liveness"].items() if state == "live"}
    own = {"baseline.cells", "learner.solver", "learner.proposer", "reward.uncertainty"}
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
        if not trace["verdict"]["passed"]:
            assert reward == -1.0 and trace["verdict"]["feedback"]
        elif trace["measures"]["new"]:
            task = world.parse(text)
            rate = rates[getattr(task, "id", "")]
            assert reward == pytest.approx(1.0 - rate if 0.0 < rate < 1.0 else -0.5)
            seen.add(rate)
    assert len(seen) > 1


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


def test_a_pooled_baseline_is_a_setting_and_names_no_cells(play: Run) -> None:
    report = play(generations=1, baseline="pooled")
    assert dead(report) == [] and "baseline.cells" not in report["liveness"]


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


def test_supervised_rows_hold_open_problems_only(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[tuple[str, list[str]]] = []
    engine = Actor()
    engine.create("solver", "actor", Full())

    def keep(engine: Any, policy: str, prompt: str, parts: list[str]) -> Row:
        texts.append((prompt, parts))
        return Row((1, 2), (0.0, 1.0))

    monkeypatch.setattr("ratchet.recipes.absolute_zero.warm.encode", keep)
    monkeypatch.setattr(engine, "forward_backward", lambda *given: None)
    monkeypatch.setattr(engine, "optim_step", lambda *given: None)
    warm_up(engine, "solver", (1, 2), True, Seed(1), 6, 8, 1e-3)
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
        "smol", world="python", model="actor", charter="python_programs"
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
