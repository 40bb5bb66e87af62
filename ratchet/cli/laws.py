"""``laws``: what a search for scaling laws found, applied to rows it never saw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ratchet.cli.reply import Reply


@dataclass(frozen=True, kw_only=True)
class Predict:
    """Apply a law to rows and write its predictions, one line a row, in the same order."""

    law: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="LAW.json")]
    """The law: RUN/TASK/LAW.json."""
    rows: Annotated[Path, tyro.conf.arg(metavar="FILE.csv")]
    """Rows with the columns that the law was found on, targets not needed."""
    out: Annotated[Path, tyro.conf.arg(metavar="FILE.csv")]
    """Where the predictions go; their columns are named as the table's targets."""
    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """Predict."""
        from ratchet.research.scaling_laws.law import predict_file

        table = predict_file(self.law, self.rows, self.out)
        document = {"rows": len(table), "task": table.task.name, "out": str(self.out)}
        return Reply(document, f"{len(table)} rows of {table.task.name} predicted: {self.out}")


@dataclass(frozen=True, kw_only=True)
class Show:
    """Print a law: readable algebra, LaTeX, evidence."""

    law: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="LAW.json")]
    """The law: RUN/TASK/LAW.json."""
    python: bool = False
    """Print it as a Python module instead."""
    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """Show it."""
        from ratchet.research.scaling_laws.law import describe_law, read_law

        law = read_law(self.law)
        document = describe_law(law)
        if self.python:
            return Reply(document, str(document["python"]))
        rows = [f"{law.task}: {document['algebra']}", f"LaTeX: {document['latex']}"]
        rows += [f"{name} = {told}" for name, told in document["variables"].items()]
        rows += [f"{name}: {value:.5g}" for name, value in sorted(law.evidence.items())]
        return Reply(document, "\n".join(rows))


@dataclass(frozen=True, kw_only=True)
class Score:
    """Score a law in source text on a task's inner hold-outs: the two functions of SLDBench,
    ``fit_scaling_law(rows, targets)`` and ``scaling_law(rows, params)``, run in the sandbox."""

    program: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PROGRAM.py")]
    """The program. It is never run outside of the sandbox."""
    data: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder with the tables: TASK.csv or train/TASK.csv."""
    task: str
    """Name of the task."""
    seed: int = 1
    """Seed of the hold-outs, where these are drawn."""
    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """Score it."""
        from ratchet.core.codec import to_data
        from ratchet.core.errors import ConfigError
        from ratchet.core.seeds import Seed
        from ratchet.research.scaling_laws.problem import Problem
        from ratchet.research.scaling_laws.programs import Programs
        from ratchet.research.scaling_laws.table import find_tables, find_task, read_table
        from ratchet.sandbox.open import open_sandbox

        task, tables = find_task(self.task), find_tables(self.data)
        if self.task not in tables:
            told = f"it has: {', '.join(tables)}"
            raise ConfigError(f"{self.data} has no table of {self.task}", told)
        try:
            source = self.program.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read {self.program}: {error}", "check the path") from error
        problem = Problem(read_table(tables[self.task], task), Seed(self.seed))
        with open_sandbox(workers=1) as sandbox:
            found = Programs(problem, sandbox).assess(source)
        word = f"rejected as {found.failure}: " if found.failure else f"score {found.score:.4f}: "
        return Reply(dict(to_data(found)), f"{self.program}: {word}{found.feedback}")


Laws = (
    Annotated[Predict, tyro.conf.subcommand("predict")]
    | Annotated[Show, tyro.conf.subcommand("show")]
    | Annotated[Score, tyro.conf.subcommand("score")]
)
