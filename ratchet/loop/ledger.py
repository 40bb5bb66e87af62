"""The ledger: append-only, hash-chained entries in one SQLite file.

An entry is committed whole or not at all, and it names the hash of the one before it, so that an
edited, deleted or reordered entry breaks the chain.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.core.codec import canonical_json, hash_data
from ratchet.core.errors import RunError, TamperedError

SCHEMA = 1
_START = "0" * 32
_TABLES = """
create table entries (
    seq integer primary key, kind text not null, body text not null,
    previous text not null, hash text not null unique
);
create trigger entries_stay before update on entries
begin select raise(abort, 'the ledger is append-only'); end;
create trigger entries_last before delete on entries
begin select raise(abort, 'the ledger is append-only'); end;
"""


@dataclass(frozen=True)
class Entry:
    """One thing that happened."""

    seq: int
    """Position from 0."""
    kind: str
    """``start``, ``study``, ``generation``, ``approval``, ``amendment``, ``halt`` or ``end``."""
    body: dict[str, Any]
    """Plain JSON data."""
    hash: str
    """Over position, kind, body and the previous entry's hash."""


class Ledger:
    """The file ``ledger.sqlite`` of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = _connect(path)
            self._known = {self._tail()}
        except sqlite3.DatabaseError as error:
            raise RunError(f"cannot use {path}: {error}", "check the file and its disk") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def append(self, kind: str, body: dict[str, Any]) -> Entry:
        """Commit one entry; RunError if the disk refuses.

        Raises TamperedError if the last entry is not the one that was last seen here.
        """
        last = self._tail()
        if last not in self._known:
            raise TamperedError(
                "ledger_changed",
                f"{self.path} does not end with the entry that this process wrote or found there",
                "start a new run: ratchet run",
            )
        seq, previous = (last[0] + 1, last[1]) if last else (0, _START)
        text = canonical_json(body)
        entry = Entry(seq, kind, body, _link(seq, kind, text, previous))
        # What interrupts the next line does not tell whether it was carried out.
        self._known = {last, (seq, entry.hash)}
        try:
            self._db.execute(
                "insert into entries values (?, ?, ?, ?, ?)",
                (seq, kind, text, previous, entry.hash),
            )
        except sqlite3.OperationalError as error:
            raise RunError(
                f"cannot write {self.path}: {error}", "make room, then resume the run"
            ) from error
        self._known = {(seq, entry.hash)}
        return entry

    def accept(self) -> int:
        """Return how many entries can be trusted, and append after all that is there now."""
        trusted = max(known[0] + 1 if known else 0 for known in self._known)
        self._known = {self._tail()}
        return trusted

    def _tail(self) -> tuple[int, str] | None:
        """Return position and hash of the last entry, None if there is none."""
        last = self._db.execute(
            "select seq, hash from entries order by seq desc limit 1"
        ).fetchone()
        return (last[0], last[1]) if last else None

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """Read entries in order and check the chain; RunError names the first that breaks it."""
        previous = _START
        try:
            rows = self._db.execute("select * from entries order by seq").fetchall()
        except sqlite3.DatabaseError as error:
            raise RunError(f"cannot read {self.path}: {error}", "restore it from a copy") from error
        for at, (seq, name, text, before, digest) in enumerate(rows):
            if seq != at or before != previous or digest != _link(seq, name, text, before):
                raise RunError(
                    f"{self.path}: the chain breaks at entry {at}: it was changed or removed",
                    "restore the ledger from a copy",
                )
            previous = digest
            if kind in (None, name):
                yield Entry(seq, name, json.loads(text), digest)


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file with its tables in it; closed again if it cannot be used."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("pragma journal_mode=wal")
        db.execute("pragma synchronous=full")
        version = db.execute("pragma user_version").fetchone()[0]
        if version == 0:
            db.executescript(f"begin; {_TABLES} pragma user_version={SCHEMA}; commit;")
        elif version != SCHEMA:
            raise RunError(
                f"{path} has ledger schema {version}, this is {SCHEMA}",
                "use the version of Ratchet that made the run",
            )
    except BaseException:
        db.close()
        raise
    return db


def _link(seq: int, kind: str, text: str, previous: str) -> str:
    return hash_data([seq, kind, text, previous])
