"""A disk that takes nothing more: a clear error, nothing finished is lost, resume completes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.loop.folder import RunFolder
from tests.faults.conftest import Reference, crash, report


def finished(folder: Path) -> int:
    """Return how many generations the ledger holds; reading it checks its chain."""
    if not (folder / "ledger.sqlite").exists():
        return 0
    with RunFolder(folder).ledger() as ledger:
        return len(list(ledger.entries("generation")))


@pytest.mark.parametrize("name", ["program", pytest.param("policy", marks=pytest.mark.slow)])
def test_no_space_left_at_any_write_point(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    reference: Reference = request.getfixturevalue(name)
    shares = (0.02, 0.3, 0.7, 0.98) if name == "program" else (0.1, 0.3, 0.5, 0.8)
    done = []
    for number, share in enumerate(shares):
        folder = tmp_path / str(number)
        at = 1 + int(share * (reference.points - 1))
        legs = crash(folder, reference.words, [("full", at)])
        assert [leg["code"] for leg in legs] == [2], legs
        told = legs[0]["told"]
        assert "No space left on device" in told or "disk is full" in told
        assert "next: " in told and "Traceback" not in told
        done.append(finished(folder))
        if share > 0.3:
            assert "ratchet resume" in told
            assert crash(folder, reference.words, [("live", 0)])[0]["code"] == 0
            assert report(folder) == reference.report
    # The later the disk is full, the more is finished; and what is finished stays.
    assert done == sorted(done)
    assert name == "policy" or done[-1] == len(reference.report["generations"])


def test_a_disk_full_at_the_start_is_told_and_the_run_can_begin(
    tmp_path: Path, program: Reference
) -> None:
    folder = tmp_path / "run"
    (leg,) = crash(folder, program.words, [("full", 2)])
    assert leg["code"] == 2 and "cannot write" in leg["told"] and "Traceback" not in leg["told"]
    assert list(folder.iterdir()) == []
    (leg,) = crash(folder, program.words, [("live", 0)])
    assert leg["code"] == 0 and report(folder) == program.report


@pytest.mark.parametrize("limit", [100, 5_000, 20_000, 50_000])
def test_a_file_that_may_not_grow(limit: int, tmp_path: Path, program: Reference) -> None:
    """The kernel itself refuses: settings, records, ledger and the evaluator's files alike."""
    folder = tmp_path / "run"
    (leg,) = crash(folder, program.words, [("limit", limit)])
    assert leg["code"] == 2, leg
    assert "next: " in leg["told"] and "Traceback" not in leg["told"]
    if (folder / "config.toml").exists():
        finished(folder)
        (leg,) = crash(folder, program.words, [("live", 0)])
        assert leg["code"] == 0, leg["told"]
        assert report(folder) == program.report
