"""Absolute Zero on an actor: one table that proposes and solves, whose actions become texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.errors import EngineError
from ratchet.core.task import Cost
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.protocol import Adapter, Completion, Follow, Full, Sampling
from ratchet.loop.versions import Store
from ratchet.recipes.absolute_zero import recipe as module
from ratchet.recipes.absolute_zero.config import Config
from ratchet.recipes.absolute_zero.recipe import AbsoluteZero
from ratchet.recipes.launch import find_method, launch, resume
from ratchet.report import page
from ratchet.worlds.programs import run
from ratchet.worlds.programs.reading import read_prompt, read_value
from ratchet.worlds.programs.running import write_value

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
