"""The live display: rich on a terminal, plain lines elsewhere, both on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from ratchet.core.events import Event, Listener, ignore
from ratchet.report.board import Board, is_number
from ratchet.report.words import duration, percent

SECONDS = 5.0
"""Plain lines tell progress at most this often."""


@contextmanager
def live_display(quiet: bool = False, stream: IO[str] | None = None) -> Iterator[Listener]:
    """Show a run while it works; what is yielded listens to its events."""
    stream = stream or sys.stderr
    if quiet:
        yield ignore
    elif stream.isatty():
        with _live(stream) as listener:
            yield listener
    else:
        yield plain_lines(lambda line: print(line, file=stream, flush=True), Board())


def plain_lines(write: Callable[[str], None], board: Board) -> Listener:
    """Return a listener that writes one line an event, and progress every few seconds."""
    last = board.clock()

    def listen(event: Event) -> None:
        nonlocal last
        board.update(event)
        if event.kind == "progress":
            if board.clock() - last < SECONDS:
                return
            last = board.clock()
            write(f"  {board.progress_line()}")
            return
        line = _describe(event, board)
        if line:
            write(line)

    return listen


def _describe(event: Event, board: Board) -> str:
    data = event.data
    if event.kind == "generation":
        left = board.run_left
        more = f", about {duration(left)} left" if left is not None else ""
        return f"generation {data['generation']} of {data['of']}{more}"
    if event.kind == "phase":
        return f"  {data.get('what', data['phase'])}"
    if event.kind == "finding":
        return f"  finding {data['name']}: {data['message']}"
    if event.kind == "measured":
        return f"  measured {_flat(data)}"
    if event.kind == "decision":
        told = f"  {data['verb']}: {data['reason']}"
        if data["candidate"] is None:
            return told
        ours, theirs = percent(data["candidate"]), percent(data["incumbent"])
        return f"{told} (candidate {ours}, incumbent {theirs})"
    return f"{data['status']} after {duration(board.elapsed)}" if event.kind == "end" else ""


def _flat(data: Mapping[str, Any]) -> str:
    parts = []
    for name, value in data.items():
        if isinstance(value, Mapping):
            parts.append(f"{name}: {_flat(value)}")
        else:
            parts.append(f"{name} {value:.3g}" if is_number(value) else f"{name} {value}")
    return ", ".join(parts)


@contextmanager
def _live(stream: IO[str]) -> Iterator[Listener]:
    from rich.console import Console
    from rich.live import Live

    board = Board()
    live = Live(
        get_renderable=lambda: render(board),
        console=Console(file=stream),
        refresh_per_second=4,
        redirect_stdout=False,
    )
    with live:
        yield board.update


def render(board: Board) -> Any:
    """Return the board as something that rich can draw."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    turn = f"generation {board.generation} of {board.of}" if board.of else "preparing"
    left = f", about {duration(board.run_left)} left" if board.run_left is not None else ""
    lines: list[Any] = [Text(board.progress_line())]
    if board.total:
        lines.append(ProgressBar(total=board.total, completed=board.done, width=60))
    notes = Table.grid(padding=(0, 1))
    for note in board.decisions:
        notes.add_row(Text("•"), Text(note))
    if board.decisions:
        lines += [Text(""), notes]
    title = f"{board.status or turn} · {duration(board.elapsed)}{left}"
    return Panel(Group(*lines), title=Text(title), title_align="left")
