"""A run whose rounds hold nothing new and whose solver learns nothing more stops itself, if it is
told to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.errors import ConfigError
from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, StopReason, Task, Verdict
from ratchet.curriculum.propose import Proposal, read_proposals
from ratchet.loop.recipe import Context
from ratchet.recipes.coevolution import phases
from ratchet.recipes.coevolution.phases import CoEvolution
from ratchet.recipes.language_self_play import recipe as module
from ratchet.recipes.launch import find_method
from ratchet.verify.labels import Labelled
from tests.recipes import test_language_self_play as lsp
from tests.recipes.conftest import read_ledger

LONG: dict[str, Any] = {
    **lsp.SMALL,
    "generations": 5,
    "proposer_steps": 1,
    "proposals": 32,
    "attempts": 2,
    "charter": "arithmetic",
    "gate_items": 4,
    "gate": "enforce",
}
SUMS = [f"{a} + {b}" for a in range(12, 60, 3) for b in (3, 8)]
PRODUCTS = [f"({a} - {b}) * {c} + 4" for a in range(22, 60, 7) for b in (3, 8) for c in (2, 3, 6)]


class Stuck(lsp.Played):
    """Writes sums, then, from the second generation on, the same products over and over."""

    generation = 0

    def propose(self, seed: Seed, n: int) -> list[Proposal]:
        self.generation += 1
        real = super().propose(seed, n)
        texts = (SUMS if self.generation == 1 else PRODUCTS)[:n]
        attempts = [
            Attempt("request", "stuck", real[i].attempt.turns, text, StopReason.END)
            for i, text in enumerate(texts)
        ]
        return read_proposals(self.world, attempts)


def play(monkeypatch: pytest.MonkeyPatch, folder: Path, **settings: Any) -> dict[str, Any]:
    monkeypatch.setattr(lsp, "Played", Stuck)
    given = {k: v for k, v in LONG.items() if k not in lsp.SMALL or lsp.SMALL[k] != v}
    report = lsp.act(monkeypatch, folder, **{**given, **settings})
    assert module.build is Stuck
    return report


def test_a_run_that_says_the_same_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = play(monkeypatch, tmp_path / "run", gain_stop="tell")
    assert report["status"] == "completed"
    named = {f["name"] for g in report["generations"] for f in g["findings"]}
    assert "learnable_gain" in named
    assert report["course"]["alarms"]["learnable_gain"] == 4
    assert report["liveness"]["learnable_gain"] == "live"


@pytest.mark.parametrize(("fall", "stopped"), [(0.1, True), (-0.1, False)])
def test_a_run_that_says_the_same_and_forgets_stops_itself(
    fall: float, stopped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held tasks are judged by the truth; here the share that passes is set by the generation."""

    def tried(recipe: CoEvolution, tasks: Sequence[Task], context: Context) -> list[Labelled]:
        right = 0.5 - fall * (context.generation - 3.5)
        passes = [True] * round(10 * right) + [False] * round(10 - 10 * right)
        attempt = Attempt("", "stuck", (), "1", StopReason.END)
        verdicts = tuple(Verdict(float(passed), passed, True, "exact") for passed in passes)
        return [Labelled(task, (attempt,) * len(passes), verdicts, None) for task in tasks]

    monkeypatch.setattr(phases, "attempt_held", tried)
    settings = {"gain_stop": "halt", "held_tasks": 16, "generations": 7}
    report = play(monkeypatch, tmp_path / "run", **settings)
    assert report["status"] == ("halted" if stopped else "completed")
    assert len(read_ledger(tmp_path / "run", "generation")) == (6 if stopped else 7)
    assert report["liveness"]["learnable_gain"] != "dead"


def test_a_run_without_held_tasks_cannot_stop_itself() -> None:
    with pytest.raises(ConfigError, match="held_tasks"):
        find_method("language_self_play").configure("tiny", gain_stop="halt", held_tasks=0)


def test_it_is_off_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = lsp.act(monkeypatch, tmp_path / "run", proposer_steps=1)
    assert "learnable_gain" not in report["liveness"]
