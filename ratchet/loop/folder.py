"""A run on disk: where its files are, who may write them, and its records."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ratchet.core.codec import from_data, hash_text, to_data
from ratchet.core.errors import RunError
from ratchet.core.records import Line
from ratchet.loop.ledger import Ledger
from ratchet.loop.recipe import Records
from ratchet.loop.versions import Store


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

    def write_records(self, generation: int, records: Records) -> str:
        """Write a generation's records whole and return their hash."""
        text = "".join(json.dumps(to_data(r), sort_keys=True) + "\n" for r in records)
        write_atomically(self._records(generation), gzip.compress(text.encode(), 6, mtime=0))
        return hash_text(text)

    def read_records(self, generation: int) -> Records:
        """Read a generation's records back; none if there is no such generation."""
        path = self._records(generation)
        if not path.is_file():
            return []
        try:
            with gzip.open(path, "rt", encoding="utf-8") as file:
                return [from_data(Line, {"record": json.loads(line)}).record for line in file]
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise RunError(f"{path} is damaged: {error}", "restore it from a copy") from error

    def require_whole(self, generation: int) -> None:
        """RunError if there are records beyond those that a kill after this generation may leave.

        Records are written before their generation is committed, and one at a time.
        """
        beyond = self._records(generation + 2)
        if beyond.is_file() or (generation < 0 and self._records(1).is_file()):
            kept = f"ends at generation {generation}" if generation >= 0 else "has no start"
            raise RunError(
                f"{self.path / 'ledger.sqlite'} is damaged: it {kept}, but later records are there",
                "restore the ledger from a copy, or start a new run",
            )

    def _records(self, generation: int) -> Path:
        return self.path / "records" / f"gen-{generation:04d}.jsonl.gz"


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".draft")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
