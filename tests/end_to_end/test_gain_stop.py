"""A run whose rounds hold nothing new any more stops itself, if it is told to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, StopReason
from ratchet.curriculum.propose import Proposal, read_proposals
from ratchet.recipes.language_self_play import recipe as module
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


@pytest.mark.parametrize(("stop", "status"), [("halt", "halted"), ("tell", "completed")])
def test_a_run_that_says_the_same_stops_itself(
    stop: str, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lsp, "Played", Stuck)
    given = {k: v for k, v in LONG.items() if k not in lsp.SMALL or lsp.SMALL[k] != v}
    report = lsp.act(monkeypatch, tmp_path / "run", gain_stop=stop, **given)
    assert report["status"] == status and module.build is Stuck
    named = {f["name"] for g in report["generations"] for f in g["findings"]}
    assert "learnable_gain" in named
    assert len(read_ledger(tmp_path / "run", "generation")) == (4 if stop == "halt" else 5)
    assert report["course"]["alarms"]["learnable_gain"] == 4
    assert report["liveness"]["learnable_gain"] == "live"


def test_it_is_off_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = lsp.act(monkeypatch, tmp_path / "run", proposer_steps=1)
    assert "learnable_gain" not in report["liveness"]
