"""``replay``: whether a generation comes out the same a second time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ratchet.cli.reply import Reply


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Do one generation of a run again, from the log, and compare. The run itself stays as it is.

    Scratch files go where TMPDIR says.
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of the run."""
    generation: int
    """Which generation, from 1."""
    json: bool = False
    """Print one JSON document on standard output."""
    quiet: bool = False
    """Show nothing while it works."""

    def perform(self) -> Reply:
        """Do it again; exit code 1 if anything differs."""
        from ratchet.loop.folder import RunFolder
        from ratchet.loop.replay import replay
        from ratchet.recipes.launch import find_method, read_config
        from ratchet.report.display import live_display

        folder = RunFolder.existing(self.run)
        config = read_config(folder)
        module = find_method(config.recipe).module
        with live_display(self.quiet) as listener:
            found = replay(
                folder,
                config,
                lambda store: module.build(config, store),
                self.generation,
                listener,
            )
        equal = found.difference is None
        names = ("place", "now", "recorded")
        first = dict(zip(names, found.difference, strict=True)) if found.difference else None
        document = {**asdict(found), "equal": equal, "difference": first}
        if first is None:
            told = [f"generation {found.generation} of {self.run} comes out the same:"]
            told.append(f"state {found.state}, {found.records:,} records, evidence, decision")
        else:
            told = [f"generation {found.generation} of {self.run} comes out DIFFERENT"]
            told.append(f"first: {first['place']}")
            told.append(f"       now {first['now']}, recorded {first['recorded']}")
        if found.started < found.generation:
            told.append(
                f"note: the state before it was pruned, so it was made again from generation "
                f"{found.started} on"
            )
        if found.same_code is False:
            told.append("note: the code is not the one that made the run")
        return Reply(document, "\n".join(told), int(not equal))
