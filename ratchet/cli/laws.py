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


Laws = (
    Annotated[Predict, tyro.conf.subcommand("predict")]
    | Annotated[Show, tyro.conf.subcommand("show")]
)
