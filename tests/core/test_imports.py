"""What importing costs: the nouns, settings, ledgers and reports need no torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIGHT = ("core", "stats", "worlds", "guard", "loop", "report.summary", "cli")
"""Packages and modules that must not pull torch in; packages with all their modules."""
LIBRARY = Path(__file__).parents[2] / "ratchet"


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(LIBRARY.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def modules_of(name: str) -> list[str]:
    place = LIBRARY.joinpath(*name.split("."))
    files = place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]
    parts = [file.relative_to(LIBRARY.parent).with_suffix("").parts for file in files]
    return [".".join(p[:-1] if p[-1] == "__init__" else p) for p in sorted(parts)]


def test_importing_ratchet_is_quick() -> None:
    code = (
        "import sys, time; began = time.perf_counter(); import ratchet, ratchet.core; "
        "print(time.perf_counter() - began); assert 'torch' not in sys.modules"
    )
    assert min(float(run(code)) for _ in range(3)) < 0.3


@pytest.mark.parametrize("name", LIGHT)
def test_no_torch_is_pulled_in(name: str) -> None:
    modules = modules_of(name)
    assert modules
    code = (
        f"import sys, {', '.join(modules)}; print({{'torch', 'transformers'}} & set(sys.modules))"
    )
    assert run(code) == "set()"
