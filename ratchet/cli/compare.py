"""``compare``: the system before and after, on prompts of your own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ratchet.cli.reply import Reply


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Put prompts to a run's untrained and to its improved system."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of the run."""
    prompts: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PROMPT ...")]
    """What to ask, e.g. "12 + 30 * 2"."""
    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """Ask both."""
        from ratchet.core.errors import ConfigError, RunError
        from ratchet.core.seeds import Seed
        from ratchet.loop.folder import RunFolder
        from ratchet.loop.position import read_position
        from ratchet.recipes.launch import find_method, read_config

        if not self.prompts:
            raise ConfigError("there is no prompt", f'ratchet compare {self.run} "12 + 30 * 2"')
        folder = RunFolder.existing(self.run)
        config = read_config(folder)
        with folder.reading() as ledger:
            position = read_position(ledger.entries(), config.gate == "record")
        if position is None:
            raise RunError(f"{self.run} has not started", f"ratchet resume {self.run}")
        recipe = find_method(config.recipe).module.build(config, folder.store())
        seed = Seed(config.seed).child("compare")
        before = recipe.solver(position.initial).answer(self.prompts, seed)
        after = recipe.solver(position.incumbent).answer(self.prompts, seed)
        same = position.initial.hash == position.incumbent.hash
        rows = [
            {"prompt": prompt, "before": old, "after": new}
            for prompt, old, new in zip(self.prompts, before, after, strict=True)
        ]
        told = [f"prompt  {r['prompt']}\nbefore  {r['before']}\nafter   {r['after']}" for r in rows]
        note = "\n\nnothing was promoted: both are the same system" if same else ""
        return Reply({"answers": rows, "same_system": same}, "\n\n".join(told) + note)
