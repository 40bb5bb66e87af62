"""The archive: every program that was tried, with its lineage, score and failure, as one value.

An archive is a component of the state: equal histories give equal files, so a search that was
killed and resumed ends with the same hash. Failures stay in it as data, with their feedback.
"""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ratchet.core.codec import canonical_json, from_data, hash_text, to_data

FILE = "archive.jsonl"
"""One entry a line, in order of birth."""


@dataclass(frozen=True)
class Entry:
    """A program that was proposed and evaluated."""

    program: str
    """Canonical text."""
    score: float
    """In [0, 1], higher is better; 0 for a failure."""
    parents: tuple[str, ...] = ()
    """Ids of the programs it was made from, the main one first."""
    operator: str = "seed"
    """What made it, e.g. ``mutate``."""
    failure: str = ""
    """Name of why it was rejected; empty if it was scored."""
    feedback: str = ""
    """What the evaluation said, for the next proposal."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Named numbers of its evaluation."""
    cell: tuple[int, ...] = ()
    """Its cell of the MAP-Elites grid."""
    island: int = 0
    """Where it was born."""
    behaviour: str = ""
    """What it does, as far as the evaluation saw."""

    @property
    def id(self) -> str:
        """Hash of the program: equal programs are one entry."""
        return hash_text(self.program)


class Archive:
    """All entries, in order of birth."""

    def __init__(self, entries: Sequence[Entry] = (), islands: int = 1) -> None:
        if islands < 1:
            raise ValueError(f"{islands} islands: there is at least one")
        self.islands = islands
        self._entries: dict[str, Entry] = {}
        self._children: dict[str, int] = {}
        self._behaviours: dict[str, str] = {}
        self._ranked: list[Entry] = []
        for entry in entries:
            self.add(entry)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __contains__(self, program: str) -> bool:
        return hash_text(program) in self._entries

    def __getitem__(self, entry_id: str) -> Entry:
        return self._entries[entry_id]

    def add(self, entry: Entry) -> None:
        """Keep an entry. Raises ValueError if the program is there already or a parent is not."""
        if entry.id in self._entries:
            raise ValueError(f"the archive has this program already: {entry.program[:80]}")
        for parent in entry.parents:
            if parent not in self._entries:
                raise ValueError(f"the archive has no parent {parent}")
            self._children[parent] = self._children.get(parent, 0) + 1
        entry = replace(entry, island=entry.island % self.islands)
        self._entries[entry.id] = entry
        if not entry.failure:
            insort(self._ranked, entry, key=lambda e: -e.score)
        if entry.behaviour and not entry.failure:
            self._behaviours.setdefault(entry.behaviour, entry.id)

    def like(self, behaviour: str) -> Entry | None:
        """Return the oldest entry that was scored and behaves so; None if there is none."""
        found = self._behaviours.get(behaviour) if behaviour else None
        return None if found is None else self._entries[found]

    def children(self, entry: Entry) -> int:
        """Return how many entries were made from this one: how often it was visited."""
        return self._children.get(entry.id, 0)

    def alive(self, island: int | None = None) -> list[Entry]:
        """Return the entries that were scored, best first; of one island, or of all."""
        return [e for e in self._ranked if island in (None, e.island)]

    @property
    def best(self) -> Entry:
        """The best entry, the oldest of equals. Raises ValueError if all have failed."""
        alive = self.alive()
        if not alive:
            raise ValueError("every program of the archive has failed")
        return alive[0]

    def elites(self, island: int | None = None) -> list[Entry]:
        """Return the best entry of every cell, best first (MAP-Elites)."""
        cells: dict[tuple[int, ...], Entry] = {}
        for entry in self.alive(island):
            cells.setdefault(entry.cell, entry)
        return list(cells.values())

    def lineage(self, entry: Entry) -> list[Entry]:
        """Return an entry with its line of first parents, oldest first."""
        line = [entry]
        while line[-1].parents:
            line.append(self._entries[line[-1].parents[0]])
        return line[::-1]

    def migrate(self, count: int) -> Archive:
        """Return the archive after one step of ring migration: the best of each island moves on.

        The entries are the same; ``count`` of each island, best first, belong to the next one.
        """
        if self.islands == 1:
            return self
        moving = {
            entry.id: (entry.island + 1) % self.islands
            for island in range(self.islands)
            for entry in self.alive(island)[:count]
        }
        moved = [replace(e, island=moving.get(e.id, e.island)) for e in self]
        return Archive(moved, self.islands)

    def write(self, folder: Path) -> None:
        """Write it into a folder; equal archives give equal bytes."""
        lines = [
            canonical_json({"islands": self.islands}),
            *(canonical_json(to_data(e)) for e in self),
        ]
        (folder / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Archive:
        """Read what ``write`` wrote."""
        head, *lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
        entries = [from_data(Entry, json.loads(line)) for line in lines]
        return cls(entries, json.loads(head)["islands"])
