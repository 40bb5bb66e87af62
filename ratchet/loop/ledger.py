"""The ledger: append-only, hash-chained entries in one SQLite file.

An entry is committed whole or not at all, and it names the hash of the one before it, so that an
edited, deleted or reordered entry breaks the chain. The end of the chain is bound by its head
(`ratchet.loop.head`), a file of its own.
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
from ratchet.loop.head import START, Head, head_path, read_head, write_head

SCHEMA = 2
"""1: no head, and entries name no evaluator's records. Opened to be written, such a ledger gets an
entry ``migrated`` and a head; what it held stays as it is, byte by byte."""
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
    """``start``, ``resume``, ``study``, ``generation``, ``approval``, ``amendment``, ``rollback``,
    ``prune``, ``halt``, ``migrated`` or ``end``."""
    body: dict[str, Any]
    """Plain JSON data."""
    hash: str
    """Over position, kind, body and the previous entry's hash."""


class Ledger:
    """The file ``ledger.sqlite`` of a run. Opened to be read only, nothing is written at all."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        try:
            self._db = _open(path) if read_only else _connect(path)
            self._known = {self.head}
        except sqlite3.DatabaseError as error:
            raise RunError(f"cannot use {path}: {error}", "check the file and its disk") from error
        if not read_only:
            try:
                self._take_up()
            except BaseException:
                self._db.close()
                raise

    @property
    def schema(self) -> int:
        """Schema of the file."""
        return int(self._db.execute("pragma user_version").fetchone()[0])

    @property
    def head(self) -> Head:
        """Number of entries and hash of the last, as the file itself has them."""
        last = self._db.execute(
            "select seq, hash from entries order by seq desc limit 1"
        ).fetchone()
        return Head(last[0] + 1, last[1]) if last else Head()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def append(self, kind: str, body: dict[str, Any]) -> Entry:
        """Commit one entry; RunError if the disk refuses.

        Raises TamperedError if the last entry is not the one that was last seen here.
        """
        return self._append(kind, body, "")

    def accept(self) -> int:
        """Return how many entries can be trusted, and append after all that is there now."""
        trusted = max(head.entries for head in self._known)
        self._known = {self.head}
        return trusted

    def _append(self, kind: str, body: dict[str, Any], also: str) -> Entry:
        head, text = self.head, canonical_json(body)
        if head not in self._known:
            raise TamperedError(
                "ledger_changed",
                f"{self.path} does not end with the entry that this process wrote or found there",
                "start a new run: ratchet run",
            )
        digest = _link(head.entries, kind, text, head.hash, SCHEMA)
        entry = Entry(head.entries, kind, body, digest)
        # What interrupts the next lines does not tell whether they were carried out.
        after = Head(entry.seq + 1, entry.hash)
        self._known = {head, after}
        try:
            write_head(self.path, Head(head.entries, head.hash, entry.hash))
            self._db.execute("begin immediate")
            try:
                self._db.execute(
                    "insert into entries values (?, ?, ?, ?, ?)",
                    (entry.seq, kind, text, head.hash, entry.hash),
                )
                if also:
                    self._db.execute(also)
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise
            write_head(self.path, after)
        except (OSError, sqlite3.OperationalError) as error:
            raise RunError(
                f"cannot write {self.path}: {error}", "make room, then resume the run"
            ) from error
        self._known = {after}
        return entry

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """Read entries in order. RunError names the first that breaks the chain, or says that the
        ledger does not end where its head says."""
        previous = START
        try:
            rows = self._db.execute("select * from entries order by seq").fetchall()
        except sqlite3.DatabaseError as error:
            raise RunError(f"cannot read {self.path}: {error}", "restore it from a copy") from error
        schema = self.schema
        older = next((at for at, row in enumerate(rows) if row[1] == "migrated"), 0)
        for at, (seq, name, text, before, digest) in enumerate(rows):
            link = _link(seq, name, text, before, 1 if at < older else schema)
            if seq != at or before != previous or digest != link:
                raise RunError(
                    f"{self.path}: the chain breaks at entry {at}: it was changed or removed",
                    "restore the ledger from a copy",
                )
            previous = digest
        self._require_end(len(rows), previous)
        for seq, name, text, _, digest in rows:
            if kind in (None, name):
                yield Entry(seq, name, json.loads(text), digest)

    def _require_end(self, entries: int, digest: str) -> None:
        """Refuse a ledger whose last entries are gone, or that has some that it never wrote."""
        if self.schema < SCHEMA:
            return
        head = read_head(self.path)
        if head is None and not entries:
            return
        if head is None:
            raise RunError(f"{head_path(self.path)} is missing", "restore it from a copy")
        if head.fits(entries, digest):
            return
        if entries < head.entries:
            told = f"its last {head.entries - entries} of {head.entries} entries are missing"
        else:
            told = f"its last entry is not the one that {head_path(self.path).name} names"
        raise RunError(f"{self.path}: {told}", "restore ledger and head from a copy")

    def _take_up(self) -> None:
        """Refuse what is not whole, and bring an older schema up to this one."""
        whole, schema = next(self.entries(), None), self.schema
        if whole is not None and schema < SCHEMA:
            body = {"from": schema, "to": SCHEMA}
            self._append("migrated", body, f"pragma user_version={SCHEMA}")
        elif schema < SCHEMA:
            self._db.execute(f"pragma user_version={SCHEMA}")


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file with its tables in it; closed again if it cannot be used."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("pragma journal_mode=wal")
        db.execute("pragma synchronous=full")
        if db.execute("pragma user_version").fetchone()[0] == 0:
            db.executescript(f"begin; {_TABLES} pragma user_version={SCHEMA}; commit;")
        _require_known_schema(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _open(path: Path) -> sqlite3.Connection:
    """Open the file to be read. Where no writer left a log behind, not even SQLite's own files
    appear beside it."""
    log = path.with_name(path.name + "-wal")
    still = not log.exists() or log.stat().st_size == 0
    place = f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' * still}"
    db = sqlite3.connect(place, isolation_level=None, uri=True)
    try:
        _require_known_schema(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _require_known_schema(db: sqlite3.Connection, path: Path) -> None:
    version = db.execute("pragma user_version").fetchone()[0]
    if not 1 <= version <= SCHEMA:
        raise RunError(
            f"{path} has ledger schema {version}, this is {SCHEMA}",
            "use the version of Ratchet that made the run",
        )


def _link(seq: int, kind: str, text: str, previous: str, schema: int = SCHEMA) -> str:
    """Return an entry's hash. The schema is in it, so that none can be passed off as older."""
    return hash_data([seq, kind, text, previous] + [schema] * (schema > 1))
