"""One open sandbox for all tests of what stands on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.protocol import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Return the sandbox that this machine gives."""
    with open_sandbox() as opened:
        yield opened
