"""One host with its canaries and one sandbox for all attacks."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

import pytest

from ratchet.sandbox.open import PROVIDERS, open_sandbox
from ratchet.sandbox.protocol import Program, Sandbox
from tests.attacks.attack import Host, open_host

PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """Return the canaries. Orphans of this process come back to it, so that they can be counted."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with open_host() as opened:
        yield opened
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Return the sandbox that this machine gives, warmed up; the environment may name providers."""
    named = os.environ.get("RATCHET_ATTACK_PROVIDERS", "").split() or PROVIDERS
    opened = open_sandbox(providers=named)
    opened.run(Program("def f():\n    return 1", "f"), [()])
    yield opened
    opened.close()
