"""``diff``: two generations side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ratchet.cli.reply import Reply, columns


@dataclass(frozen=True, kw_only=True)
class Diff:
    """Show what differs between two generations, of one run or of two."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of the run."""
    a: Annotated[int, tyro.conf.Positional, tyro.conf.arg(metavar="GEN_A")]
    """One generation; 0 is the start."""
    b: Annotated[int, tyro.conf.Positional, tyro.conf.arg(metavar="GEN_B")]
    """The other."""
    other: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """The run that GEN_B is of, if it is another one."""
    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """Compare them."""
        from ratchet.loop.folder import RunFolder
        from ratchet.report.difference import compare_sides, read_side

        sides = [
            read_side(RunFolder.existing(run), generation)
            for run, generation in ((self.run, self.a), (self.other or self.run, self.b))
        ]
        document = compare_sides(*sides)
        return Reply(document, _tell(document))


def _tell(document: dict[str, Any]) -> str:
    a, b = document["a"], document["b"]
    head = ["", f"generation {a['generation']}", f"generation {b['generation']}"]
    names = ("run", "decision", "state", "score", "gain")
    rows = [[name, _show(a[name]), _show(b[name])] for name in names if a[name] != b[name]]
    parts = [columns([head, *rows]) if rows else "both are the same generation"]
    for title in ("config", "parameters", "components", "measures", "families"):
        pairs = document[title]
        if pairs:
            told = "by family, each on its own problems" if title == "families" else title
            lines = [["  " + name, _show(x), _show(y)] for name, (x, y) in pairs.items()]
            parts.append(f"{told}\n{columns(lines)}")
    for side, written in zip((a, b), document["proposals"], strict=True):
        if written:
            lines = [["  " + _line(text)] for text in written]
            parts.append(f"proposed in generation {side['generation']}\n{columns(lines)}")
    answers = [
        ["  " + _line(row["task"]), *(_answer(answer) for answer in row["answers"])]
        for row in document["answers"]
    ]
    if answers:
        parts.append(f"answers\n{columns(answers)}")
    return "\n\n".join(parts)


def _show(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _answer(answer: dict[str, Any] | None) -> str:
    if answer is None:
        return "-"
    return f"{_line(answer['text'])} ({'right' if answer['passed'] else 'wrong'})"


def _line(text: str, most: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."
