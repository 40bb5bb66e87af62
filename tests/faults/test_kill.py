"""``kill -9`` at any moment: the resumed run ends in the same state with the same report."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.seeds import Seed
from ratchet.loop.folder import RunFolder
from ratchet.loop.position import read_position
from ratchet.recipes.launch import resume
from tests.faults.conftest import ENVIRONMENT, PROGRAM, Reference, crash, report

CHAINS = [("program", 1, 8), ("program", 2, 8), ("program", 3, 8), ("policy", 1, 3)]
"""Toy, seed of the kill points, number of kills; with three from outside 30 in all."""


def history(folder: Path) -> list[dict[str, Any]]:
    """Return the ledger's bodies without costs, machine and how much the evaluator has recorded."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        bodies = [json.loads(row[0]) for row in db.execute("select body from entries order by seq")]
    apart = ("cost", "machine", "evaluator")
    return [{k: v for k, v in b.items() if k not in apart} for b in bodies]


def records(folder: Path) -> dict[str, bytes]:
    return {p.name: gzip.decompress(p.read_bytes()) for p in (folder / "records").iterdir()}


@pytest.mark.parametrize(("name", "number", "kills"), CHAINS)
def test_a_run_killed_again_and_again_ends_the_same(
    name: str, number: int, kills: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    reference: Reference = request.getfixturevalue(name)
    rng = Seed(number).child("kills", name).rng()
    at = [int(n) for n in rng.integers(1, reference.points // 5, kills)]
    legs = crash(tmp_path / "run", reference.words, [*(("kill", n) for n in at), ("live", 0)])
    assert [leg["code"] for leg in legs] == [-signal.SIGKILL] * kills + [0], legs[-1]["told"]
    assert report(tmp_path / "run") == reference.report
    assert history(tmp_path / "run") == history(reference.folder)
    assert records(tmp_path / "run") == records(reference.folder)
    folder = RunFolder.existing(tmp_path / "run")
    with folder.ledger() as ledger:
        position = read_position(ledger.entries(), record_only=False)
    assert position is not None
    for component in (*position.incumbent.values(), *position.branch.values()):
        folder.store().open(component)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("program", 30), ("policy", 12)])
def test_write_points_from_first_to_last_survive_a_kill(
    name: str, count: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    reference: Reference = request.getfixturevalue(name)
    for at in range(1, reference.points + 1, 1 + reference.points // count):
        folder = tmp_path / str(at)
        legs = crash(folder, reference.words, [("kill", at), ("live", 0)])
        assert [leg["code"] for leg in legs] == [-signal.SIGKILL, 0], (at, legs)
        assert report(folder) == reference.report, at


def test_a_kill_from_outside_at_any_time(tmp_path: Path, program: Reference) -> None:
    folder = tmp_path / "run"
    waits = Seed(1).child("outside").rng().random(3) * 0.6
    words = [*PROGRAM, "--out", str(folder)]
    for wait in waits:
        process = subprocess.Popen(
            [sys.executable, "-m", "ratchet", *words, "--quiet"],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        patience = time.monotonic() + 60
        while not (folder / "ledger.sqlite").exists() and process.poll() is None:
            assert time.monotonic() < patience
            time.sleep(0.01)
        time.sleep(wait)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        words = ["resume", str(folder)]
    resume(folder)
    assert report(folder) == program.report
