"""A charter on the small world, and evaluators under it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.guard.evaluator import Evaluator

ROOT = Path(__file__).parents[2]

Write = Callable[[str], Path]
Start = Callable[..., Evaluator]


@pytest.fixture
def write_charter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a writer of charters on one of the worlds in ``tests.guard``."""
    monkeypatch.syspath_prepend(str(ROOT))

    def write(world: str) -> Path:
        path = tmp_path / "charter.toml"
        path.write_text(
            f'objective = "Add."\nworld = "tests.guard.{world}"\n'
            "families = {small = 0.5, large = 0.5}\nlevels = {1 = 1.0}\n",
            "utf-8",
        )
        return path

    return write


@pytest.fixture
def start(tmp_path: Path, write_charter: Write) -> Start:
    """Return a maker of evaluators, each with a folder of its own by name."""

    def make(world: str = "sums:Sums", seed: int = 0, folder: str = "sealed") -> Evaluator:
        return Evaluator(write_charter(world), seed, tmp_path / folder)

    return make
