"""Small runs of the toys, as words for the command line, and a runner of jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = [
    *("run", "toy_program", "--generations", "4", "--mutants", "60"),
    *("--gate-items", "30", "--audit-items", "10", "--final-items", "40"),
]
POLICY = [
    *("run", "toy_policy", "--generations", "3", "--proposals", "24", "--attempts", "4"),
    *("--gate-items", "60", "--audit-items", "10", "--final-items", "60"),
]
SHORT = [
    *("run", "toy_program", "--generations", "3", "--mutants", "10"),
    *("--gate-items", "10", "--audit-items", "4", "--final-items", "10"),
]
"""A run of a tenth of a second."""
SHORT_POLICY = [
    *("run", "toy_policy", "--generations", "2", "--proposals", "8", "--attempts", "2"),
    *("--gate-items", "10", "--audit-items", "4", "--final-items", "10"),
]
"""The same for the toy with two policies."""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

Legs = Sequence[tuple[str, int]]
Crash = Callable[[Path, Sequence[str], Legs], list[dict[str, Any]]]


def crash(folder: Path, words: Sequence[str], legs: Legs) -> list[dict[str, Any]]:
    """Run the legs of a job; see ``tests.faults.crash``."""
    return _work({"folder": str(folder), "words": list(words), "legs": list(legs)})


def crash_all(words: Sequence[str], chains: Mapping[Path, Legs]) -> list[list[dict[str, Any]]]:
    """Run many chains of legs in one go, the evaluator forked."""
    listed = [{"folder": str(folder), "legs": list(legs)} for folder, legs in chains.items()]
    return _work({"words": list(words), "chains": listed, "fork": True})


def _work(given: Mapping[str, Any]) -> list[Any]:
    job = json.dumps(given)
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.crash", job],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: list[Any] = json.loads(done.stdout)
    return told


def report(folder: Path) -> dict[str, Any]:
    """Return a run's report without its cost, the only part that may differ."""
    data: dict[str, Any] = json.loads((folder / "report.json").read_text())
    del data["cost"]
    return data


class Reference:
    """A run that nothing happened to."""

    def __init__(self, folder: Path, words: Sequence[str]) -> None:
        self.folder, self.words = folder, words
        ((leg,),) = crash_all(words, {folder: [("live", 0)]})
        assert leg["code"] == 0, leg["told"]
        self.points: int = leg["points"]
        self.cpu: int = leg["cpu"]
        self.report = report(folder)
        assert self.report["status"] == "completed"


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(tmp_path_factory.mktemp("program") / "run", PROGRAM)


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(tmp_path_factory.mktemp("policy") / "run", POLICY)


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(tmp_path_factory.mktemp("short") / "run", SHORT)


@pytest.fixture(scope="session")
def short_policy(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(tmp_path_factory.mktemp("short_policy") / "run", SHORT_POLICY)
