from __future__ import annotations

import io

from rich.console import Console

from ratchet.core.events import Event
from ratchet.report.board import Board
from ratchet.report.display import live_display, plain_lines, render


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def decision(generation: int, verb: str = "promote") -> Event:
    return Event(
        "decision",
        {
            "generation": generation,
            "verb": verb,
            "reason": "the gain is above 0",
            "candidate": 0.42,
            "incumbent": 0.3,
            "measures": {},
        },
    )


def test_plain_lines_tell_every_event_and_progress_now_and_then() -> None:
    clock, lines = Clock(), list[str]()
    listen = plain_lines(lines.append, Board(clock))
    listen(Event("generation", {"generation": 1, "of": 2}))
    for second in range(1, 13):
        clock.now = float(second)
        listen(
            Event("progress", {"phase": "solve", "done": 10 * second, "total": 200, "loss": 0.5})
        )
    listen(Event("finding", {"name": "saturation", "message": "all solved"}))
    clock.now = 30.0
    listen(decision(1))
    listen(Event("generation", {"generation": 2, "of": 2}))
    listen(Event("end", {"status": "completed"}))
    listen(Event("surprise", {}))
    assert lines == [
        "generation 1 of 2",
        "  solve 50/200, 10/s, 15 s left, loss 0.5",
        "  solve 100/200, 10/s, 10 s left, loss 0.5",
        "  finding saturation: all solved",
        "  promote: the gain is above 0 (candidate 42%, incumbent 30%)",
        "generation 2 of 2, about 30 s left",
        "completed after 30 s",
    ]


def test_time_left_comes_from_finished_generations() -> None:
    clock = Clock()
    board = Board(clock)
    board.update(Event("generation", {"generation": 1, "of": 4}))
    clock.now = 60.0
    assert board.run_left is None
    board.update(decision(1))
    board.update(Event("generation", {"generation": 2, "of": 4}))
    clock.now = 80.0
    # 60 s a generation: 40 s of this one and two whole ones.
    assert board.run_left == 160.0


def test_a_phase_that_starts_over_starts_its_rate_over() -> None:
    clock = Clock()
    board = Board(clock)
    for now, done in ((0.0, 0), (10.0, 10), (100.0, 0), (101.0, 10)):
        clock.now = now
        board.update(Event("progress", {"phase": "solve", "done": done, "total": 10}))
    assert board.rate == 10.0


def test_the_terminal_shows_generation_phase_rate_and_decisions() -> None:
    clock = Clock()
    board = Board(clock)
    board.update(Event("generation", {"generation": 1, "of": 3}))
    clock.now = 60.0
    board.update(decision(1, "hold"))
    board.update(Event("generation", {"generation": 2, "of": 3}))
    board.update(Event("progress", {"phase": "train", "done": 0, "total": 8}))
    clock.now = 64.0
    board.update(Event("progress", {"phase": "train", "done": 2, "total": 8, "loss": 0.25}))
    console = Console(file=io.StringIO(), width=100, record=True)
    console.print(render(board))
    text = console.export_text()
    for part in (
        "generation 2 of 3 · 1 min 04 s, about 1 min 56 s left",
        "train 2/8, 0.5/s, 12 s left, loss 0.25",
        "generation 1: hold. the gain is above 0",
    ):
        assert part in text, text


def test_quiet_says_nothing_and_a_file_gets_plain_lines() -> None:
    stream = io.StringIO()
    with live_display(quiet=True, stream=stream) as listener:
        listener(Event("generation", {"generation": 1, "of": 1}))
    assert stream.getvalue() == ""
    with live_display(stream=stream) as listener:
        listener(Event("phase", {"phase": "measure", "what": "measuring the candidate"}))
        listener(Event("measured", {"base": {"direct": 0.25}}))
    assert stream.getvalue() == "  measuring the candidate\n  measured base: direct 0.25\n"


def test_a_terminal_gets_the_live_panel() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with live_display(stream=stream) as listener:
        listener(Event("generation", {"generation": 1, "of": 5}))
    assert "generation 1 of 5" in stream.getvalue()


def test_a_decision_without_anchors_shows_no_scores() -> None:
    lines = list[str]()
    listen = plain_lines(lines.append, Board(Clock()))
    unmeasured = {**decision(1, "halt").data, "candidate": None, "incumbent": None}
    listen(Event("decision", unmeasured))
    assert lines == ["  halt: the gain is above 0"]
