"""Agent0's settings: those of co-evolution, with the calculator."""

from __future__ import annotations

from ratchet.recipes.coevolution.settings import Settings


class Config(Settings):
    """Settings of Agent0; every default is its own."""
