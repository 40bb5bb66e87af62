"""The one thing that is measured: a solver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ratchet.core.seeds import Seed


class Solver(Protocol):
    """A policy with its rollout procedure, or a program. Equal ones may be measured once."""

    def answer(self, prompts: Sequence[str], seed: Seed) -> Sequence[str]:
        """Return one answer per prompt, in order. It sees prompts only and keeps no record."""
        ...
