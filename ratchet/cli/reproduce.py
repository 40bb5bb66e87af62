"""``reproduce``: a paper's claims as experiments with controls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ratchet.cli.reply import Reply, Stopped


@dataclass(frozen=True, kw_only=True)
class Reproduce:
    """Run a recipe's claims as experiments: arms, seeds, controls, and a verdict for each."""

    recipe: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RECIPE")]
    """Name of a built-in recipe (see: ratchet list), or the path of a Python file."""
    tier: Annotated[str, tyro.conf.arg(metavar="TIER")] = ""
    """Which of the recipe's settings files to start from; its first by default."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Where the runs and results are kept; runs/claims-RECIPE-TIER by default."""
    stage: int = 1
    """How many looks to take at most; each has more seeds than the one before."""
    jobs: int = 0
    """Runs at a time, each with one thread; 0 is one per core."""
    docs: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """A second folder for the page, its figure and the results."""
    json: bool = False
    """Print the results as one JSON document on standard output."""
    quiet: bool = False
    """Show nothing while it works."""

    def perform(self) -> Reply:
        """Run them; what has been run before is not run again."""
        from ratchet.claims import reproduce, tell
        from ratchet.recipes.launch import find_method
        from ratchet.report.display import live_display

        method = find_method(self.recipe)
        try:
            with live_display(self.quiet) as listener:
                results = reproduce(
                    method,
                    self.tier,
                    self.out,
                    listener,
                    stage=self.stage,
                    jobs=self.jobs,
                    docs=self.docs,
                )
        except KeyboardInterrupt as stop:
            again = f"ratchet reproduce {self.recipe}" + f" --tier {self.tier}" * bool(self.tier)
            raise Stopped("every finished run", f"{again}, with the same options") from stop
        return Reply(results, tell(results))
