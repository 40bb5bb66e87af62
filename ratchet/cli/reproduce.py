"""``reproduce``: a paper's claims as experiments with controls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ratchet.cli.reply import Reply


@dataclass(frozen=True, kw_only=True)
class Reproduce:
    """Run a recipe's claims as experiments: arms, seeds, controls, and a verdict for each."""

    recipe: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RECIPE")]
    """Name of a built-in recipe."""
    tier: str = ""
    """Which of the recipe's settings files to start from; its first by default."""
    out: Path = Path("runs")
    """Folder in which the runs are kept."""
    json: bool = False
    """Print one JSON document on standard output."""
    quiet: bool = False
    """Show nothing while it works."""

    def perform(self) -> Reply:
        """Run them."""
        from ratchet.claims import reproduce
        from ratchet.report.display import live_display

        with live_display(self.quiet) as listener:
            return Reply(reproduce(self.recipe, self.tier, self.out, listener), "")
