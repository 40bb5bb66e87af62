"""A stand-in for reasoning-gym: its registry, curricula and part marks, with sums for tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from ratchet.worlds.gym import bank
from ratchet.worlds.gym.families import FAMILIES, LEVELS_OF, VERSION


@dataclass
class Step:
    """One attribute of a curriculum."""

    levels: list[int]


class Sums:
    """``family: a + b = ?``, where b is the level; questions return after 150 numbers, and every
    tenth question is the same at all levels."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.family, self.level = config["family"], config["level"]
        assert config["seed"] == 0 and config["mode"] == "upper_bound"

    def __getitem__(self, number: int) -> dict[str, Any]:
        a, b = number % 150, self.level if number % 10 else 0
        return {"question": f"{self.family}: {a} + {b} = ?", "answer": str(a + b)}

    def score_answer(self, answer: str, entry: dict[str, Any]) -> float:
        """Give part marks to what contains the answer, as the package does."""
        held = entry["answer"]
        return 1.0 if answer == held else 0.5 if held in answer else 0.0


class Curriculum:
    """Two attributes, the second of which has one step alone."""

    def __init__(self, family: str) -> None:
        steps = list(range(1, max(LEVELS_OF[family]) + 1))
        self.family, self.at = family, dict[str, int]()
        self.attributes = {"size": Step(steps), "kind": Step([0])}

    def set_attr_level(self, name: str, level: int) -> None:
        if not 0 <= level < len(self.attributes[name].levels):
            raise ValueError(level)
        self.at[name] = level

    def generate_configuration(self, defaults: dict[str, Any], context: str) -> dict[str, Any]:
        assert self.at["kind"] == 0
        return {**defaults, "family": self.family, "level": self.at["size"] + 1, "mode": context}


@pytest.fixture
def fake_gym(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the stand-in where reasoning-gym would be, and forget its problems afterwards."""
    factory = SimpleNamespace(
        create_curriculum=Curriculum, DATASETS={family: (Sums, dict) for family in FAMILIES}
    )
    coaching = SimpleNamespace(
        RangeAttributeMode=SimpleNamespace(UPPER_BOUND="upper_bound"),
        DefaultCurriculumContext=lambda mode: mode,
    )
    modules = {
        "reasoning_gym.factory": factory,
        "reasoning_gym.coaching.base_curriculum": coaching,
    }
    monkeypatch.setattr(bank, "import_module", modules.__getitem__)
    monkeypatch.setattr(bank, "version", lambda name: VERSION)
    forget()
    yield
    forget()


def forget() -> None:
    """Forget every problem."""
    for cached in (bank.open_bank, bank._dataset, bank._entry):
        cached.cache_clear()
