"""Agent0 on an actor instead of a model: two tables that learn, whose actions become real texts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.errors import EngineError
from ratchet.core.events import Listener, ignore
from ratchet.core.task import Cost
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.protocol import Adapter, Completion, Follow, Full, Sampling
from ratchet.loop.folder import RunFolder
from ratchet.loop.versions import Store
from ratchet.recipes.agent0 import recipe as module
from ratchet.recipes.agent0.config import Config
from ratchet.recipes.agent0.recipe import Agent0
from ratchet.recipes.launch import find_method, launch, resume
from ratchet.report import page
from ratchet.worlds.arithmetic import solve_exactly

ROOT = Path(__file__).parents[2]
SMALL: dict[str, Any] = {
    "model": "actor",
    "threads": 1,
    "generations": 2,
    "gate": "record",
    "charter": "arithmetic",
    "gate_items": 8,
    "audit_items": 8,
    "monitor_items": 4,
    "final_items": 8,
    "proposals": 12,
    "pool": 16,
    "tasks": 8,
    "attempts": 4,
    "batch": 4,
    "epochs": 2,
    "solver_lr": 0.3,
    "proposer_lr": 0.1,
    "max_tokens": 8,
    "quality_texts": 4,
    "pinned_tasks": 4,
    "held_tasks": 0,
    "transfer_items": 0,
}
PROPOSALS = (
    *(f"{a} + {b}" for a in (12, 35, 47, 81) for b in (30, 61, 8)),
    *(f"{a} * {b}" for a in (3, 14) for b in (8, 12, 13)),
    *("9 - 4", "2 + 3 * 7", "(8 + 5) * 4", "60 - 7 * 8 + 2", "47 + 5", "not a task", "7"),
)
"""What the actor proposes: open tasks of several levels, reserved ones, and what is none."""
STYLES = ("call", "right", "wrong", "silent")
"""What the actor does about a question: call the tool, or say something."""

Run = Callable[..., dict[str, Any]]


def see(text: str) -> str:
    """Return what the solving actor sees: whether the tool has answered, and how long it is."""
    question = question_of(text)
    return "told" if text.endswith("]") else str(len(question) % 3)


def lean(seen: str) -> Sequence[float]:
    """Return the actor's first leanings: sure, unsure or mostly wrong, by what it sees."""
    return {"told": (0.0, 3.0, 0.0, 0.0), "0": (0.5, 1.0, 0.5, 0.0), "1": (0.0, 2.0, 0.5, 0.0)}.get(
        seen, (0.2, 0.0, 1.0, 0.0)
    )


def question_of(text: str) -> str:
    """Return the last question in a prompt."""
    return text.rpartition("Q: ")[2].partition("\nA:")[0]


def perform(prompt: str, style: str) -> str:
    """Return the text of an action."""
    question = question_of(prompt)
    value = solve_exactly(question) or 0
    words = {"call": f"<calc>{question if '?' not in question else value}</calc>"}
    return (words | {"right": f" {value}\n", "wrong": f" {value + 1}\n"}).get(style, " well\n")


class Actor(FakeEngine):
    """An engine whose solver acts by style; its tokens are the styles, its texts are real."""

    def __init__(self, proposals: Sequence[str] = PROPOSALS) -> None:
        super().__init__(
            {
                "proposer": Tabular(tuple(dict.fromkeys(proposals)), lambda text: ""),
                "solver": Tabular(STYLES, see, prior=lean),
            }
        )

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
        found = super().sample(name, prompts, sampling)
        if name != "solver":
            return found
        read = [self.decode(name, prompt) for prompt in prompts]
        return [
            [Completion(c.tokens, c.logprobs, perform(text, c.text), c.stop) for c in group]
            for text, group in zip(read, found, strict=True)
        ]

    def spent(self) -> Cost:
        return Cost()


class SharedActor(Actor):
    """One table for both roles: what it sees tells it which one it plays."""

    def __init__(self) -> None:
        proposals = tuple(dict.fromkeys(PROPOSALS))
        blocked = (-30.0,)

        def seen(text: str) -> str:
            return see(text) if "\nA:" in text.rpartition("Q:")[2] or "A:" in text else "ask"

        def leaning(at: str) -> Sequence[float]:
            if at == "ask":
                return (*blocked * len(STYLES), *(0.0,) * len(proposals))
            return (*lean(at), *blocked * len(proposals))

        actions = (*STYLES, *proposals)
        FakeEngine.__init__(self, {"solver": Tabular(actions, seen, prior=leaning)})

    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        if follow is not None:
            return super().sample(name, prompts, sampling, follow)
        asked = ["A:" not in self.decode(name, prompt) for prompt in prompts]
        found = super().sample(name, prompts, sampling)
        raw = FakeEngine.sample(self, name, prompts, sampling) if any(asked) else found
        groups = zip(asked, raw, found, strict=True)
        return [texts if proposing else played for proposing, texts, played in groups]


class Wordy(Actor):
    """Its solver answers in words, so that no proposal ever earns anything."""

    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        if follow is not None:
            return super().sample(name, prompts, sampling, follow)
        found = FakeEngine.sample(self, name, prompts, sampling)
        return [[replace(c, text=f" {c.text}\n") for c in group] for group in found]


class Played(Agent0):
    """Agent0 on the actor."""

    actor: Callable[[], FakeEngine] = Actor

    def __init__(self, config: Config, store: Store) -> None:
        super().__init__(config, store)
        self.engine = self.actor()  # type: ignore[assignment]


def configure(**settings: Any) -> Config:
    """Return the settings of a small run."""
    config = find_method("agent0").configure("tiny", **{**SMALL, **settings})
    assert isinstance(config, Config)
    return config


def read_records(folder: Path, generation: int) -> list[dict[str, Any]]:
    """Return a generation's records as they lie on the disk."""
    path = folder / "records" / f"gen-{generation:04d}.jsonl.gz"
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def read_ledger(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return the bodies of the ledger's entries of a kind."""
    with RunFolder.existing(folder).ledger() as ledger:
        return [entry.body for entry in ledger.entries(kind)]


def dead(report: dict[str, Any]) -> list[str]:
    """Return the names of a run's dead mechanisms; a run is invalid if and only if it has some."""
    names = [name for name, state in report["liveness"].items() if state == "dead"]
    assert (report["status"] == "invalid") == bool(names)
    return names


def act(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    build: type[Agent0] = Played,
    listener: Listener = ignore,
    **settings: Any,
) -> dict[str, Any]:
    """Run Agent0 on the actor, or go on with a run, and return the report without its cost.

    Pages are not drawn: that takes longer than all else.
    """
    monkeypatch.setattr(page, "render_page", lambda report, folder: "<!doctype html>")
    monkeypatch.setattr(module, "build", build)
    if folder.exists():
        report = resume(folder, listener)
    else:
        report = launch(configure(**settings), folder, listener)
    del report["cost"]
    return report


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where ``play`` runs."""
    return tmp_path / "run"


@pytest.fixture
def play(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run Agent0 in the test's folder; see ``act``."""
    return partial(act, monkeypatch, folder)


@dataclass(frozen=True)
class Clean:
    """A run of two generations that nothing happened to."""

    folder: Path
    report: dict[str, Any]

    def records(self, generation: int) -> list[dict[str, Any]]:
        return read_records(self.folder, generation)


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    folder = tmp_path_factory.mktemp("clean") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        return Clean(folder, act(monkeypatch, folder))
