"""The settings that every run has. A recipe's own settings are a subclass."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ratchet.core.config import Config


class RunConfig(Config):
    """Settings of a run; every resolved value is written to ``config.toml``."""

    recipe: str
    """Name of a built-in recipe, or the path of a file that defines one."""
    tier: str = ""
    """Which of the recipe's TOML files was the default."""
    model: str = ""
    """Model that the policies start from; empty where there is none."""
    seed: int = 1
    """Root of the seed tree."""
    generations: int = Field(default=5, ge=0)
    """Turns of the loop."""
    gate: Literal["enforce", "record"] = "enforce"
    """``record``: decisions are computed and logged but never move the branch (for controls)."""
    charter: str
    """Built-in charter or path of one."""
    gate_items: int | None = Field(default=None, ge=1)
    """Fresh anchors per decision where the charter has no gate terms, 200 if left out; a charter
    with gate terms says itself how many are drawn, and then this must be left out."""
    audit_items: int = Field(default=100, ge=1)
    """Anchors on which the base procedure is chosen."""
    monitor_items: int = Field(default=32, ge=0)
    """Audit anchors per generation on which monitors see the candidate and the first state, fresh
    each time; 0: none are drawn, and monitors see records only."""
    final_items: int = Field(default=400, ge=1)
    """Anchors of the final measurement."""
    window: int = Field(default=3, ge=1)
    """Generations of records that probes see."""
    threads: int = Field(default=0, ge=0)
    """Threads of the engine; 0 is one per core."""
