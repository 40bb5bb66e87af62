"""``run``, ``resume`` and ``report``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ratchet.cli.reply import Reply, Stopped
from ratchet.core.events import Listener

if TYPE_CHECKING:
    from ratchet.loop.config import RunConfig
    from ratchet.recipes.launch import Method


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Run a recipe: the system improves itself, and every change is measured on sealed problems."""

    recipe: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RECIPE")]
    """Name of a built-in recipe (see: ratchet list), or the path of a Python file."""
    tier: Annotated[str, tyro.conf.arg(metavar="TIER")] = ""
    """Which of the recipe's settings files to start from; its first by default."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Folder of the run; runs/RECIPE-TIER-seedN by default."""
    json: bool = False
    """Print the report as one JSON document on standard output, everything else elsewhere."""
    quiet: bool = False
    """Show nothing while it works."""
    dry_run: bool = False
    """Print what the run would do, need and cost, and stop."""

    def settings(self) -> Mapping[str, Any]:
        """Return the recipe's settings given on the command line."""
        return {}

    def perform(self) -> Reply:
        """Run it in a new folder."""
        from ratchet.guard.charter import Charter, find_charter
        from ratchet.loop.gates import require_effect
        from ratchet.recipes.launch import find_method, launch

        method = find_method(self.recipe)
        config = method.configure(self.tier or None)
        given = {**config.model_dump(), **self.settings()}
        config = type(config).build(given, source="the options")
        if not method.divides:  # else every part has a charter of its own
            require_effect(config, Charter.read(find_charter(config.charter)))
        if self.dry_run:
            return _plan(method.plan(config))
        if method.divides:
            return self._perform_parts(method, config)
        stem = f"{Path(config.recipe).stem}-{config.tier}-seed{config.seed}"
        folder = self.out or free_folder(Path("runs"), stem)
        return _work(lambda listener: launch(config, folder, listener), folder, self.quiet)

    def _perform_parts(self, method: Method, config: RunConfig) -> Reply:
        """Run every part, each in a folder of its own."""
        from ratchet.recipes.launch import launch_parts
        from ratchet.report.display import live_display

        folder = self.out or Path("runs") / f"{method.name}-seed{config.seed}"
        try:
            with live_display(self.quiet) as listener:
                document, text = launch_parts(method, config, folder, listener)
        except KeyboardInterrupt as stop:
            again = "the same command again"
            raise Stopped("every finished generation", again) from stop
        return Reply(document, text)


@dataclass(frozen=True, kw_only=True)
class Resume:
    """Go on with a run after its last finished generation."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of the run."""
    approve: bool = False
    """Agree to what waits for it, then go on: a large gain, or a budget that you changed."""
    finish: bool = False
    """End a run that a budget halted: measure what there is on the final problems."""
    json: bool = False
    """Print the report as one JSON document on standard output."""
    quiet: bool = False
    """Show nothing while it works."""

    def perform(self) -> Reply:
        """Resume it."""
        from ratchet.recipes.launch import resume

        return _work(
            lambda listener: resume(self.run, listener, self.approve, self.finish),
            self.run,
            self.quiet,
        )


@dataclass(frozen=True, kw_only=True)
class WriteReport:
    """Write a run's report again, from its ledger and records."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of the run."""
    json: bool = False
    """Print the report as one JSON document on standard output."""

    def perform(self) -> Reply:
        """Write it."""
        from ratchet.loop.folder import RunFolder
        from ratchet.report import write_report

        report = write_report(RunFolder.existing(self.run))
        return Reply(report, tell(report, self.run))


def free_folder(parent: Path, stem: str) -> Path:
    """Return the first of stem, stem-2, stem-3, ... that is not there yet."""
    folder, number = parent / stem, 1
    while folder.exists():
        number += 1
        folder = parent / f"{stem}-{number}"
    return folder


def tell(report: Mapping[str, Any], folder: Path) -> str:
    """Return a run's outcome for people: what changed, how sure that is, where to read more."""
    from ratchet.cli.reply import columns
    from ratchet.report.schema import Report
    from ratchet.report.words import decisions, duration, following, headline, interval

    read = Report.model_validate(report)
    gains = {"gain": read.gain, "same procedure": read.gains.same_procedure}
    if read.gate == "record":  # nothing was deployed: a control is judged by its last candidate
        gains = {"last candidate": read.last_candidate.gains.same_procedure}
    rows = [
        *([name, interval(gain)] for name, gain in gains.items()),
        ["decisions", decisions(read)],
        ["time", duration(read.cost.wall_s)],
        ["report", str(folder / "report.html")],
    ]
    if read.stopped:
        rows.append(["stopped", f"{read.stopped.name}: {read.stopped.message}"])
        rows += [["next", line] for line in following(read, str(folder))]
    return f"{headline(read)}\n{columns(rows)}"


def _plan(planned: Mapping[str, float]) -> Reply:
    from ratchet.cli.reply import columns

    rows = [[name.replace("_", " "), f"{value:,.6g}"] for name, value in planned.items()]
    return Reply(dict(planned), columns(rows))


def _work(work: Callable[[Listener], dict[str, Any]], folder: Path, quiet: bool) -> Reply:
    from ratchet.report.display import live_display

    try:
        with live_display(quiet) as listener:
            report = work(listener)
    except KeyboardInterrupt as stop:
        raise Stopped("every finished generation", f"ratchet resume {folder}") from stop
    return Reply(report, tell(report, folder), int(report["status"] == "invalid"))
