"""A run's files: records, the one writer, and what is no run."""

from __future__ import annotations

import gzip
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from ratchet.core.errors import RunError
from ratchet.core.records import Evaluation, Trace, Transition
from ratchet.core.task import Attempt, StopReason, Task, Turn, Verdict
from ratchet.loop.disk import write_atomically
from ratchet.loop.folder import RunFolder

TRACE = Trace(
    Task("id", "w", "1 + 1 é", "f", 1),
    Attempt("id", "v", (Turn("policy", "2", (50,), (-0.25,)),), "2", StopReason.END),
    Verdict(1.0, True, True, "exact", "", {"read": "2"}),
    "solver",
    {"p": 0.1},
)
RECORDS: tuple[Trace | Evaluation | Transition, ...] = (
    TRACE,
    Evaluation("x\ny", 0.5),
    Transition((0.1,), (1.0,), 0.0, (0.2,), False),
)


def test_records_are_read_back_and_their_bytes_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = RunFolder(tmp_path / "a"), RunFolder(tmp_path / "b")
    assert one.write_records(3, RECORDS) == two.write_records(3, RECORDS)
    assert tuple(one.read_records(3)) == RECORDS
    data = (one.path / "records" / "gen-0003.jsonl.gz").read_bytes()
    monkeypatch.setattr(time, "time", lambda: 1e9)
    one.write_records(3, RECORDS)
    assert (one.path / "records" / "gen-0003.jsonl.gz").read_bytes() == data
    with pytest.raises(RunError, match=r"gen-0004\.jsonl\.gz is missing") as caught:
        one.read_records(4)
    assert caught.value.hint
    place = Path("records") / "gen-0003.jsonl.gz"
    assert (one.path / place).read_bytes() == (two.path / place).read_bytes()
    assert one.write_records(4, RECORDS) != one.write_records(4, RECORDS[:2])
    assert one.write_records(5, []) and one.read_records(5) == []


@pytest.mark.parametrize("damage", ["cut", "flip", "text", "line", "tag"])
def test_damaged_records_are_named(tmp_path: Path, damage: str) -> None:
    folder = RunFolder(tmp_path)
    folder.write_records(1, RECORDS * 20)
    path = tmp_path / "records" / "gen-0001.jsonl.gz"
    data = path.read_bytes()
    middle = bytes(255 - byte for byte in data[60:80])
    damaged = {
        "cut": data[: len(data) // 2],
        "flip": data[:60] + middle + data[80:],
        "text": b"no gzip",
        "line": gzip.compress(b'{"kind": "trace"'),
        "tag": gzip.compress(b'{"kind": "rumour"}\n'),
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(RunError, match=r"gen-0001\.jsonl\.gz is damaged") as caught:
        folder.read_records(1)
    assert caught.value.hint


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deep" / "report.json"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(os, "fsync", full)
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["report.json"]


def _try_lock(path: Path) -> str:
    try:
        with RunFolder(path).lock():
            return "locked"
    except RunError as error:
        return error.message


def test_a_second_writer_is_refused_in_this_process_and_in_another(tmp_path: Path) -> None:
    with RunFolder(tmp_path).lock():
        assert "another process is working on" in _try_lock(tmp_path)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert "another process is working on" in pool.apply(_try_lock, (tmp_path,))
    assert _try_lock(tmp_path) == "locked"


def test_only_a_folder_with_settings_and_a_ledger_is_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run"):
        RunFolder.existing(tmp_path / "absent")
    with pytest.raises(RunError, match="is not a run"):
        RunFolder.existing(tmp_path)
    (tmp_path / "config.toml").touch()
    with pytest.raises(RunError, match="is not a run"):
        RunFolder.existing(tmp_path)
    with RunFolder(tmp_path).ledger():
        pass
    assert RunFolder.existing(tmp_path).path == tmp_path
