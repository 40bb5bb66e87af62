"""A run on disk: where its files are, who may write them, and its records."""

from __future__ import annotations

import fcntl
import gzip
import json
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ratchet.core.codec import from_data, hash_text, to_data
from ratchet.core.errors import RunError
from ratchet.core.records import Line
from ratchet.loop.disk import write_atomically
from ratchet.loop.ledger import Ledger
from ratchet.loop.recipe import Records
from ratchet.loop.versions import Store

MARK = 8
"""Hex digits that a record's own mark has: enough to find it, not to prove it."""


@dataclass(frozen=True)
class Kept:
    """What the ledger holds of a generation's records."""

    hash: str
    """Hash of the whole text."""
    marks: str
    """The first hex digits of every line's hash, one after another, to name a line that differs."""


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.toml"
        self.events = path / "events.jsonl"
        self.evaluator = path / "evaluator"
        self.report = path / "report.json"

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """Return a run that is there; RunError if there is none."""
        folder = cls(path)
        if not folder.config.is_file() or not (path / "ledger.sqlite").is_file():
            raise RunError(f"{path} is not a run", "see the runs with: ls runs")
        return folder

    def store(self) -> Store:
        """Return the run's versions."""
        return Store(self.path / "versions")

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Open the run's ledger."""
        ledger = Ledger(self.path / "ledger.sqlite")
        try:
            yield ledger
        finally:
            ledger.close()

    @contextmanager
    def reading(self) -> Iterator[Ledger]:
        """Open the run's ledger without writing anything; RunError if there is none."""
        ledger = Ledger(self.path / "ledger.sqlite", read_only=True)
        try:
            yield ledger
        finally:
            ledger.close()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only writer; RunError if another process is."""
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError(
                    f"another process is working on {self.path}", "wait for it, or stop it first"
                ) from error
            yield

    def write_records(self, generation: int, records: Records) -> Kept:
        """Write a generation's records whole and return what the ledger shall hold of them."""
        text = encode_records(records)
        write_atomically(self.records_path(generation), gzip.compress(text.encode(), 6, mtime=0))
        return keep_text(text)

    def read_records(self, generation: int) -> Records:
        """Read a generation's records back; RunError if they are not there or damaged."""
        text = self.read_text(generation)
        try:
            lines = text.splitlines()
            return [from_data(Line, {"record": json.loads(line)}).record for line in lines]
        except ValueError as error:
            path = self.records_path(generation)
            raise RunError(f"{path} is damaged: {error}", "restore it from a copy") from error

    def read_text(self, generation: int) -> str:
        """Read the text of a generation's records; RunError if it is not there or damaged."""
        path = self.records_path(generation)
        try:
            return _unpack(path.read_bytes())
        except FileNotFoundError as error:
            raise RunError(f"{path} is missing", "restore it from a copy") from error
        except (OSError, ValueError, zlib.error) as error:
            raise RunError(f"{path} is damaged: {error}", "restore it from a copy") from error

    def require_whole(self, generation: int) -> None:
        """RunError if there are records beyond those that a kill after this generation may leave.

        Records are written before their generation is committed, and one at a time. This notices a
        ledger that is gone together with its head.
        """
        beyond = self.records_path(generation + 2)
        if beyond.is_file() or (generation < 0 and self.records_path(1).is_file()):
            kept = f"ends at generation {generation}" if generation >= 0 else "has no start"
            raise RunError(
                f"{self.path / 'ledger.sqlite'} is damaged: it {kept}, but later records are there",
                "restore the ledger from a copy, or start a new run",
            )

    def drop_unfinished(self, generation: int) -> None:
        """Remove the records of the generation after this one, which was never committed."""
        self.records_path(generation + 1).unlink(missing_ok=True)

    def discard_unstarted(self) -> None:
        """Remove the folder of a run that wrong settings kept from starting, so that the corrected
        command can have it. A ledger with a single entry keeps it."""
        if (self.path / "ledger.sqlite").exists():
            with self.reading() as ledger:
                if any(ledger.entries()):
                    return
        shutil.rmtree(self.path)

    def records_path(self, generation: int) -> Path:
        """Return where a generation's records lie."""
        return self.path / "records" / f"gen-{generation:04d}.jsonl.gz"


def encode_records(records: Records) -> str:
    """Return records as text, one JSON object a line."""
    return "".join(json.dumps(to_data(r), sort_keys=True) + "\n" for r in records)


def keep_text(text: str) -> Kept:
    """Return what the ledger holds of a text of records."""
    marks = "".join(hash_text(line)[:MARK] for line in text.split("\n")[:-1])
    return Kept(hash_text(text), marks)


def _unpack(data: bytes) -> str:
    """Return the text of a gzip file that holds one member and nothing else."""
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    text = unpacking.decompress(data)
    if not unpacking.eof:
        raise ValueError("it is cut short")
    if unpacking.unused_data:
        raise ValueError("there is more behind its records")
    return text.decode()
