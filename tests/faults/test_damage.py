"""Files that were cut or changed, a disk that may not be written, clocks that run backwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.core.errors import RunError
from ratchet.core.seeds import Seed
from ratchet.loop.folder import RunFolder
from ratchet.recipes.launch import resume
from tests.faults.conftest import ENVIRONMENT, ROOT, Legs, Reference, crash_all, report
from tests.faults.test_kill import history


@pytest.fixture(scope="session")
def stopped(tmp_path_factory: pytest.TempPathFactory, short: Reference) -> Path:
    """Return a run killed after its second generation."""
    home = tmp_path_factory.mktemp("stopped")
    chains: dict[Path, Legs] = {
        home / str(share): [("kill", short.points * share // 100)] for share in range(45, 80, 5)
    }
    killed = zip(chains, crash_all(short.words, chains), strict=True)
    folder, leg = next((folder, leg) for folder, (leg,) in killed if len(leg["ledger"]) == 3)
    assert leg["code"] == -signal.SIGKILL
    return folder


def harm(path: Path, kind: str, rng: np.random.Generator) -> None:
    """Flip one bit of a file, or cut it anywhere."""
    data = bytearray(path.read_bytes())
    at = int(rng.integers(len(data))) if data else 0
    if kind == "cut":
        path.write_bytes(data[:at])
    elif data:
        data[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(data))


def judge(leg: dict[str, Any], folder: Path, short: Reference) -> str:
    """Return ``same`` or ``refused``; fail on anything else."""
    if leg["code"] == 0:
        assert report(folder) == short.report
        return "same"
    assert leg["code"] == 2 and "next: " in leg["told"], leg
    assert "Traceback" not in leg["told"], leg
    return "refused"


@pytest.mark.parametrize(("count", "seed"), [(12, 1), pytest.param(150, 2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["cut", "flip"])
def test_a_damaged_file_is_refused_or_did_not_matter(
    kind: str, count: int, seed: int, tmp_path: Path, stopped: Path, short: Reference
) -> None:
    rng = Seed(seed).child("damage", kind).rng()
    names = sorted(str(p.relative_to(stopped)) for p in stopped.rglob("*") if p.is_file())
    chains: dict[Path, Legs] = {}
    harmed = {}
    for number in range(count):
        folder = tmp_path / str(number)
        shutil.copytree(stopped, folder)
        name = names[number % len(names)]
        harm(folder / name, kind, rng)
        chains[folder], harmed[folder] = [("live", 0)], name
    outcomes = {
        (harmed[folder], judge(leg, folder, short))
        for folder, (leg,) in zip(chains, crash_all(short.words, chains), strict=True)
    }
    assert {outcome for _, outcome in outcomes} == {"same", "refused"}


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ("ledger.sqlite*", "its last 5 of 5 entries are missing"),
        ("ledger.*", "has no start, but later records are there"),
    ],
)
def test_a_lost_ledger_is_not_begun_again(
    lost: str, told: str, tmp_path: Path, short: Reference
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(short.folder, folder)
    with RunFolder(folder).ledger() as ledger:
        assert len(list(ledger.entries("generation"))) == 3
    for path in folder.glob(lost):
        path.unlink()
    (folder / "ledger.sqlite").touch()
    with pytest.raises(RunError, match=told) as caught:
        resume(folder)
    assert "copy" in caught.value.hint


def test_nothing_may_be_written(tmp_path: Path, short: Reference) -> None:
    shares = (0.02, 0.2, 0.5, 0.9)
    chains: dict[Path, Legs] = {
        tmp_path / str(share): [("readonly", 1 + int(share * short.points)), ("live", 0)]
        for share in shares
    }
    kept = []
    for folder, legs in zip(chains, crash_all(short.words, chains), strict=True):
        assert [leg["code"] for leg in legs] == [2, 0], legs
        assert "Read-only file system" in legs[0]["told"] and "next: " in legs[0]["told"]
        assert legs[1]["ledger"][: len(legs[0]["ledger"])] == legs[0]["ledger"]
        assert report(folder) == short.report
        kept.append(len(legs[0]["ledger"]))
    assert kept == sorted(kept) and kept[-1] >= 3


def test_a_clock_that_runs_backwards_changes_nothing(tmp_path: Path, short: Reference) -> None:
    again, cut = tmp_path / "again", tmp_path / "cut"
    half = ("kill", short.points // 2)
    chains: dict[Path, Legs] = {again: [("clock", 10**9)], cut: [half, ("clock", 1000)]}
    for folder, legs in zip(chains, crash_all(short.words, chains), strict=True):
        assert legs[-1]["code"] == 0, legs
        assert report(folder) == short.report and history(folder) == history(short.folder)
        assert json.loads((folder / "report.json").read_text())["cost"]["wall_s"] >= 0


def test_a_second_process_is_refused_and_changes_nothing(
    tmp_path: Path, stopped: Path, short: Reference
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(stopped, folder)
    program = (
        "import sys; from pathlib import Path; from ratchet.loop.folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).lock(): print('held', flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with RunFolder(folder).ledger() as ledger:
        before = [entry.hash for entry in ledger.entries()]
    with pytest.raises(RunError, match="another process is working") as caught:
        resume(folder)
    assert caught.value.hint
    with RunFolder(folder).ledger() as ledger:
        assert [entry.hash for entry in ledger.entries()] == before
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    # A killed holder holds nothing.
    told = resume(folder)
    del told["cost"]
    assert told == short.report
