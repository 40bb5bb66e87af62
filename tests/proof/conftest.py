"""One finished run with everything in its ledger, and copies of it to be tampered with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from ratchet.guard.charter import find_charter
from ratchet.loop.folder import RunFolder
from ratchet.loop.loop import Loop
from ratchet.loop.problem import Problem
from ratchet.loop.proof import Proof
from ratchet.recipes.launch import find_method
from ratchet.report import write_report
from ratchet.report.recompute import check_report

Copy = Callable[[], Path]
TERMS = """
[gate]
first = 10
batch = 10
ordinary = 30
cap = 40
capability_batch = 5
capability_cap = 10
alpha = 0.9
tests = 4
jump = 0.01
margin = 0.9
"""
"""A gate that looks early and asks a person about every gain."""


def first_problem(path: Path) -> Problem | None:
    """Return what ``ratchet verify`` would name first, None if the run verifies."""
    proof = Proof(RunFolder(path))
    report = (check_report(proof.folder, proof.entries, proof.notes) for _ in range(1))
    return next(chain(proof.problems(), chain.from_iterable(report)), None)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of two learning policies that a person approved once."""
    home = tmp_path_factory.mktemp("proof")
    charter = home / "charter.toml"
    charter.write_text(find_charter("arithmetic").read_text("utf-8") + TERMS, "utf-8")
    config = find_method("toy_policy").configure(
        charter=str(charter),
        generations=3,
        proposals=24,
        attempts=4,
        lr=1.0,
        audit_items=4,
        final_items=8,
    )
    folder = RunFolder(home / "run")
    folder.path.mkdir()
    config.write(folder.config)
    store = folder.store()
    recipe = find_method("toy_policy").module.build(config, store)
    assert Loop(recipe, config, folder, store, approve=lambda why: True).run() == "completed"
    assert len(write_report(folder)["interventions"]) == 1
    return folder.path


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Copy:
    """Return a maker of fresh copies."""

    def make() -> Path:
        folder = tmp_path / "run"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        return folder

    return make
