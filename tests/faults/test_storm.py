"""Random kills, hundreds of them, at write points and between: nothing committed is lost."""

from __future__ import annotations

import shutil
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.core.seeds import Seed
from ratchet.loop.folder import RunFolder
from ratchet.loop.position import read_position
from tests.faults.conftest import Legs, Reference, crash_all, report
from tests.faults.test_kill import history, records

IN_A_ROW = 4
"""Kills before a run is let through to its end."""
KILLED = (-signal.SIGKILL, -signal.SIGPROF)


def plan(reference: Reference, rng: np.random.Generator) -> Legs:
    """Draw a chain: every other kill at a write point, the others at any moment."""
    drawn = rng.random(IN_A_ROW)
    legs = [
        ("kill", 1 + int(share * 0.7 * reference.points))
        if number % 2
        else ("cpu", 1 + int(share * 0.7 * reference.cpu))
        for number, share in enumerate(drawn)
    ]
    return [*legs, ("live", 0)]


def check(folder: Path, legs: list[dict[str, Any]], reference: Reference) -> None:
    """A ledger only ever grows, and the end is that of the run that nothing happened to."""
    assert legs[-1]["code"] == 0, legs[-1]["told"]
    assert {leg["code"] for leg in legs[:-1]} <= set(KILLED), legs
    for before, after in pairwise(legs):
        assert after["ledger"][: len(before["ledger"])] == before["ledger"] != ["damaged"]
    assert report(folder) == reference.report
    assert history(folder) == history(reference.folder)
    assert records(folder) == records(reference.folder)
    run = RunFolder.existing(folder)
    with run.ledger() as ledger:
        position = read_position(ledger.entries(), record_only=False)
    assert position is not None
    for component in (*position.incumbent.values(), *position.branch.values()):
        run.store().open(component)


@pytest.mark.parametrize(
    ("name", "kills", "seed"),
    [
        ("short", 40, 1),
        pytest.param("short", 200, 2, marks=pytest.mark.slow),
        pytest.param("short_policy", 80, 3, marks=pytest.mark.slow),
    ],
)
def test_a_run_killed_at_random_loses_nothing(
    name: str, kills: int, seed: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    reference: Reference = request.getfixturevalue(name)
    rng, done, batch = Seed(seed).child("storm", name).rng(), 0, 0
    kinds: set[int] = set()
    while done < kills:
        batch += 1
        wanted = -(-(kills - done) // IN_A_ROW)
        chains = {tmp_path / f"{batch}-{number}": plan(reference, rng) for number in range(wanted)}
        for folder, legs in zip(chains, crash_all(reference.words, chains), strict=True):
            check(folder, legs, reference)
            done += len(legs) - 1
            kinds |= {leg["code"] for leg in legs[:-1]}
            shutil.rmtree(folder)
    assert kinds == set(KILLED)


def test_a_kill_before_each_of_the_first_write_points(tmp_path: Path, short: Reference) -> None:
    chains: dict[Path, Legs] = {
        tmp_path / str(at): [("kill", at), ("live", 0)] for at in range(1, 9)
    }
    for folder, legs in zip(chains, crash_all(short.words, chains), strict=True):
        check(folder, legs, short)
