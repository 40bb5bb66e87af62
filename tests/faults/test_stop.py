"""Ctrl-C and SIGTERM: stopped cleanly, told how to go on, and going on ends the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.loop.folder import RunFolder
from ratchet.recipes.launch import resume
from tests.faults.conftest import ENVIRONMENT, PROGRAM, Reference, report


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_goes_on_to_the_same_end(
    number: signal.Signals, code: int, tmp_path: Path, program: Reference
) -> None:
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "ratchet", *PROGRAM, "--out", str(folder)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("generation 2"):
            process.send_signal(number)
            break
    _, told = process.communicate(timeout=60)
    assert process.returncode == code, told
    assert f"next: ratchet resume {folder}" in told and "Traceback" not in told
    kept = report(folder)
    assert kept["status"] == "interrupted"
    assert 1 <= len(kept["generations"]) < len(program.report["generations"])
    assert kept["generations"] == program.report["generations"][: len(kept["generations"])]
    with RunFolder.existing(folder).ledger() as ledger:
        assert len(list(ledger.entries("generation"))) == len(kept["generations"])
    resume(folder)
    assert report(folder) == program.report
