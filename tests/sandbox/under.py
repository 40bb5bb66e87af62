"""Running a few lines under one layer, or none, with every other inner layer off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import End, Level, Limits, Program

EVERY = frozenset({"rlimits", "seccomp", "landlock"})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[LocalSandbox]:
    with open_sandbox(workers=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def process() -> Iterator[LocalSandbox]:
    with open_sandbox(Level.CONFINED, workers=1, off={"namespaces"}) as opened:
        yield opened


def only(sandbox: LocalSandbox, layer: str, body: str, *arguments: Any, **limits: Any) -> Any:
    """Return what a function's body gives with one of the three inner layers, or with none."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    source = (
        f"import ctypes, errno, os\nlibc = ctypes.CDLL(None, use_errno=True)\ndef f(*x):\n{lines}"
    )
    bounds = Limits(**{"cpu_s": 2.0, **limits})
    outcome = sandbox.run_without(EVERY - {layer}, Program(source, "f"), [arguments], limits=bounds)
    result = outcome.results[0] if outcome.results else None
    assert result is not None, outcome
    return (
        result.value if result.end is End.OK else f"{result.error or result.end}: {result.message}"
    )
