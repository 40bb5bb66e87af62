"""``versions`` and ``rollback``: what a run has kept, and going back to it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ratchet.cli.reply import Reply, columns


@dataclass(frozen=True, kw_only=True)
class Versions:
    """List a run's versions, and what the retention rule would remove."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of the run."""
    prune: bool = False
    """Remove what the retention rule does not keep; without it nothing is removed."""
    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """List them; with ``prune``, remove first."""
        from ratchet.loop.folder import RunFolder
        from ratchet.loop.history import leftovers, list_versions, prune

        folder = RunFolder.existing(self.run)
        control = _is_control(folder)
        going = prune(folder, control) if self.prune else leftovers(folder, control)
        versions, stages = list_versions(folder, control)
        document = {
            "states": [asdict(stage) for stage in stages],
            "versions": [asdict(version) for version in versions],
            "removed" if self.prune else "would_remove": going,
        }
        head = ["generation", "decision", "state", "files", "now"]
        told = [[str(s.generation), s.decision, s.hash, s.files, ", ".join(s.now)] for s in stages]
        rows = [
            [
                v.hash,
                str(v.generation),
                v.name,
                v.kind,
                v.decision,
                "-" if v.bytes is None else _size(v.bytes),
                "pruned" if v.bytes is None else "whole",
            ]
            for v in versions
        ]
        top = ["version", "generation", "name", "kind", "decision", "size", "files"]
        parts = [columns([head, *told]), columns([top, *rows]), self._removal(going)]
        return Reply(document, "\n\n".join(parts))

    def _removal(self, going: dict[str, int]) -> str:
        size = _size(sum(going.values()))
        if not going:
            return "nothing to remove: the retention rule keeps all that is there"
        if self.prune:
            return f"removed {len(going)} versions, {size}"
        names = "\n".join(f"  {name}" for name in going)
        return (
            f"the retention rule would remove {len(going)} versions, {size}:\n{names}\n"
            f"next: ratchet versions {self.run} --prune"
        )


@dataclass(frozen=True, kw_only=True)
class RollbackRun:
    """Return a run to where it stood after an earlier generation; nothing is lost."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of the run."""
    generation: int
    """Generation whose deployed state is restored; 0 is the start."""
    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """Write the rollback down and the report again."""
        from ratchet.loop.folder import RunFolder
        from ratchet.loop.history import roll_back
        from ratchet.report import write_report

        folder = RunFolder.existing(self.run)
        position, fresh = roll_back(folder, self.generation)
        report = write_report(folder)
        ended = report["final"]["score"] is not None or report["status"] == "invalid"
        following = "" if ended else f"ratchet resume {self.run}"
        document: dict[str, Any] = {
            "run": str(self.run),
            "generation": self.generation,
            "state": position.incumbent.hash,
            "fresh": list(fresh),
            "ended": ended,
            "next": following,
        }
        told = [f"{self.run} is back where it stood after generation {self.generation}"]
        told.append(f"state {position.incumbent.hash}")
        if fresh:
            told.append(f"pruned since then, so they start afresh: {', '.join(fresh)}")
        if ended:
            told.append(
                "the run has ended and its final problems are open: it does not go on, and its "
                "final numbers are those of the states it closed with"
            )
        else:
            told.append(f"next: {following}")
        return Reply(document, "\n".join(told))


def _is_control(folder: Any) -> bool:
    from ratchet.report.summary import read_settings

    return bool(read_settings(folder).get("gate") == "record")


def _size(count: int) -> str:
    """Return bytes in the unit that suits: ``512 B``, ``4.2 kB``, ``1.3 GB``."""
    value, units = float(count), ["B", "kB", "MB", "GB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} B" if units[0] == "B" else f"{value:.1f} {units[0]}"
