"""The ledger: append-only, and every later change of it is found."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ratchet.core.errors import RunError, TamperedError
from ratchet.loop.ledger import SCHEMA, Entry, Ledger, _link


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a ledger of five entries."""
    path = tmp_path / "ledger.sqlite"
    with closing(Ledger(path)) as ledger:
        ledger.append("start", {"initial": "x", "text": "é", "n": 0.1})
        for number in range(1, 4):
            ledger.append("generation", {"generation": number})
        ledger.append("end", {"status": "completed"})
    return path


def read(path: Path, kind: str | None = None) -> list[Entry]:
    with closing(Ledger(path)) as ledger:
        return list(ledger.entries(kind))


def tampered(path: Path, statement: str) -> Path:
    """Return a copy on which a statement was run with the triggers out of the way."""
    copy = path.with_name("copy.sqlite")
    shutil.copy(path, copy)
    shutil.copy(path.with_suffix(".head"), copy.with_suffix(".head"))
    with closing(sqlite3.connect(copy)) as db:
        db.executescript("drop trigger entries_stay; drop trigger entries_last;")
        changed = db.execute(statement).rowcount
        db.commit()
    assert changed
    return copy


def test_entries_are_read_back_in_order(path: Path) -> None:
    entries = read(path)
    assert [entry.seq for entry in entries] == [0, 1, 2, 3, 4]
    assert entries[0].body == {"initial": "x", "text": "é", "n": 0.1}
    assert [e.body["generation"] for e in read(path, "generation")] == [1, 2, 3]
    assert read(path, "study") == []


def test_an_entry_of_another_writer_is_found_and_not_trusted(path: Path) -> None:
    with closing(Ledger(path)) as ledger, closing(Ledger(path)) as other:
        ledger.append("study", {})
        with pytest.raises(TamperedError, match="ledger_changed"):
            other.append("study", {})
        assert other.accept() == 5
        assert other.append("halt", {}).seq == 6
        with pytest.raises(TamperedError, match="ledger_changed"):
            ledger.append("study", {})


def test_appending_goes_on_where_another_stopped(path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        given = ledger.append("study", {})
        assert given.seq == 5
    assert read(path)[-1] == given


@pytest.mark.parametrize(
    "statement",
    [
        "update entries set body = '{}' where seq = 2",
        "update entries set seq = 9 where seq = 4",
        "delete from entries where seq = 4",
        "delete from entries",
    ],
)
def test_the_file_itself_refuses_changes(path: Path, statement: str) -> None:
    with (
        closing(sqlite3.connect(path)) as db,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        db.execute(statement)
    assert len(read(path)) == 5


@pytest.mark.parametrize(
    ("statement", "at"),
    [
        ("update entries set body = '{\"generation\":9}' where seq = 2", 2),
        ("update entries set body = body || ' ' where seq = 2", 2),
        ("update entries set kind = 'study' where seq = 2", 2),
        ("update entries set hash = 'x' where seq = 2", 2),
        ("update entries set previous = 'x' where seq = 2", 2),
        ("delete from entries where seq = 0", 0),
        ("delete from entries where seq = 2", 2),
        ("update entries set seq = 9 where seq = 4", 4),
        ("update entries set seq = case seq when 1 then -2 else seq end", 0),
        (
            "insert into entries select 5, kind, body, previous, hash || 'x' from entries "
            "where seq = 4",
            5,
        ),
    ],
)
def test_a_change_behind_its_back_breaks_the_chain(path: Path, statement: str, at: int) -> None:
    with pytest.raises(RunError, match=rf"breaks at entry {at}:"):
        read(tampered(path, statement))


def test_swapped_entries_break_the_chain(path: Path) -> None:
    copy = tampered(path, "update entries set seq = -1 where seq = 1")
    with closing(sqlite3.connect(copy)) as db:
        db.execute("update entries set seq = 1 where seq = 2")
        db.execute("update entries set seq = 2 where seq = -1")
        db.commit()
    with pytest.raises(RunError, match="breaks at entry 1"):
        read(copy)


def test_an_entry_that_was_forged_whole_breaks_the_next(path: Path) -> None:
    """Whoever changes an entry and makes its hash fit cannot make the next one fit as well."""
    first, second = (entry.hash for entry in read(path)[1:3])
    forged = _link(2, "generation", '{"generation":9}', first)
    copy = tampered(
        path, f"update entries set body = '{{\"generation\":9}}', hash = '{forged}' where seq = 2"
    )
    assert forged != second
    with pytest.raises(RunError, match="breaks at entry 3"):
        read(copy)


def test_a_gap_is_found_even_where_the_hashes_fit(path: Path) -> None:
    previous = read(path)[3].hash
    forged = _link(7, "end", '{"status":"completed"}', previous)
    copy = tampered(path, f"update entries set seq = 7, hash = '{forged}' where seq = 4")
    with pytest.raises(RunError, match="breaks at entry 4"):
        read(copy)


def test_a_reader_of_one_kind_checks_all_entries(path: Path) -> None:
    copy = tampered(path, "update entries set body = '{}' where seq = 3")
    with pytest.raises(RunError, match="breaks at entry 3"):
        read(copy, "end")


def test_another_schema_is_named(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"pragma user_version={SCHEMA + 1}")
    with pytest.raises(RunError, match=f"schema {SCHEMA + 1}, this is {SCHEMA}"):
        Ledger(path)


def test_what_is_no_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_text("no database " * 100)
    with pytest.raises(RunError, match="cannot use"):
        Ledger(path)
    with pytest.raises(RunError, match="cannot use"):
        Ledger(tmp_path / "absent" / "ledger.sqlite")


def test_a_body_that_is_not_json_is_refused_whole(path: Path) -> None:
    with closing(Ledger(path)) as ledger, pytest.raises(ValueError, match="JSON"):
        ledger.append("study", {"x": float("nan")})
    assert len(read(path)) == 5


@pytest.fixture
def full(path: Path) -> Iterator[Ledger]:
    """Return a ledger whose disk has no page left."""
    ledger = Ledger(path)
    pages = ledger._db.execute("pragma page_count").fetchone()[0]
    ledger._db.execute(f"pragma max_page_count={pages}")
    yield ledger
    ledger.close()


def test_a_full_disk_is_told_and_loses_nothing(full: Ledger, path: Path) -> None:
    with pytest.raises(RunError, match="full") as caught:
        full.append("study", {"x": "y" * 100_000})
    assert "resume" in caught.value.hint
    assert len(list(full.entries())) == 5
    assert len(read(path)) == 5
