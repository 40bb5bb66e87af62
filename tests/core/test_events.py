"""Events on disk and to listeners."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from ratchet.core.events import Event, log_events, read_events, tell


def test_events_are_read_back_without_progress(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with log_events(path) as log:
        log(Event("generation", {"generation": 1, "of": 2}))
        log(Event("progress", {"done": 1, "total": 9}))
        # Readable while the run goes on.
        assert [event.kind for event in read_events(path)] == ["generation"]
        log(Event("end", {"status": "completed", "text": "é\n"}))
    with log_events(path) as log:
        log(Event("phase", {}))
    assert list(read_events(path)) == [
        Event("generation", {"generation": 1, "of": 2}),
        Event("end", {"status": "completed", "text": "é\n"}),
        Event("phase", {}),
    ]


def test_a_cut_last_line_is_left_out_and_not_written_on(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with log_events(path) as log:
        log(Event("phase", {"n": 1}))
    path.write_text(path.read_text() + '{"kind": "decis')
    assert [event.data for event in read_events(path)] == [{"n": 1}]
    with log_events(path) as log:
        log(Event("phase", {"n": 2}))
    assert [event.data for event in read_events(path)] == [{"n": 1}, {"n": 2}]


def test_a_file_of_one_cut_line_is_emptied(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"kind')
    with log_events(path) as log:
        log(Event("end"))
    assert list(read_events(path)) == [Event("end", {})]


def test_a_full_disk_is_told_and_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with log_events(path) as log:
        log(Event("phase", {"n": 1}))
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, hard))
        try:
            for _ in range(2):
                with pytest.raises(OSError):
                    log(Event("phase", {"n": 2}))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [event.data for event in read_events(path)] == [{"n": 1}]
    with log_events(path) as log:
        log(Event("phase", {"n": 3}))
    assert [event.data for event in read_events(path)] == [{"n": 1}, {"n": 3}]


def test_leaving_after_a_failed_write_raises_nothing_new() -> None:
    """/dev/full refuses every write, the one of closing too."""
    with log_events(Path("/dev/full")) as log, pytest.raises(OSError, match="No space left"):
        log(Event("end"))


def test_tell_passes_on_to_all_in_order() -> None:
    heard: list[tuple[str, str]] = []
    listener = tell(lambda e: heard.append(("a", e.kind)), lambda e: heard.append(("b", e.kind)))
    listener(Event("phase"))
    listener(Event("end"))
    assert heard == [("a", "phase"), ("b", "phase"), ("a", "end"), ("b", "end")]
