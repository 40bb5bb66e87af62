"""Proving a run after the fact: its files against its ledger, and the ledger against itself.

Not here: the report's numbers (`ratchet.report.recompute`), running anything again (`replay`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ratchet.core.codec import from_data, hash_data
from ratchet.core.errors import RunError
from ratchet.core.evidence import Scores
from ratchet.core.seeds import Seed
from ratchet.core.state import Component, State
from ratchet.loop.amend import fixed_of
from ratchet.loop.closing import seal
from ratchet.loop.folder import MARK, RunFolder, keep_text
from ratchet.loop.ledger import SCHEMA, Entry
from ratchet.loop.measured import check_evaluator
from ratchet.loop.position import Position, read_positions
from ratchet.loop.problem import Notes, Problem
from ratchet.loop.redecide import decide_again, known_gate
from ratchet.loop.retention import needed, pruned
from ratchet.loop.versions import Store


@dataclass
class Proof:
    """One check of one run. It writes nothing."""

    folder: RunFolder
    notes: Notes = field(default_factory=Notes)
    """What else was found."""
    entries: list[Entry] = field(default_factory=list)
    """The ledger, once ``problems`` has read it."""
    schema: int = SCHEMA
    """Schema of the ledger file."""

    places: list[tuple[Entry, Position]] = field(default_factory=list)
    """Every entry with the position after it, once ``problems`` has followed them."""

    def problems(self) -> Iterator[Problem]:
        """Yield what does not match, the chain first; a broken chain ends the check."""
        try:
            unread = list(self.check_chain())
            yield from unread
            if not unread and self.places:
                yield from self.check_settings()
                yield from self.check_turns()
                yield from self.check_records()
                yield from self.check_versions()
                yield from self.check_scores()
        except (KeyError, TypeError, ValueError) as error:
            yield Problem("ledger", f"holds what no run writes: {type(error).__name__}: {error}")

    def check_chain(self) -> Iterator[Problem]:
        """Read the ledger: its chain is whole up to its head, and every pointer follows."""
        try:
            with self.folder.reading() as ledger:
                self.schema = ledger.schema
                self.entries = list(ledger.entries())
        except RunError as error:
            yield Problem("ledger", error.message)
            return
        self.notes.count("entries", len(self.entries))
        if self.schema < SCHEMA:
            self.notes.say(f"ledger schema {self.schema}: its end is not bound by a head")
        try:
            self.places = list(read_positions(self.entries, self._control))
        except RunError as error:
            yield Problem("ledger", f"its decisions cannot be followed: {error.message}")
            return
        if not self.places:
            self.notes.say("the run has not started")

    def check_scores(self) -> Iterator[Problem]:
        """Every score is what the evaluator's own records say."""
        seals = {
            entry.seq: seal(self.start["base"]["chosen"], position)
            for entry, position in self.places
            if entry.kind == "end" and entry.body["scores"]
        }
        yield from check_evaluator(self.folder.evaluator, self.entries, seals, self.notes)

    @property
    def start(self) -> dict[str, Any]:
        """What the first entry of the run holds."""
        return next((entry.body for entry in self.entries if entry.kind == "start"), {})

    @property
    def ended(self) -> bool:
        """Whether the run came to its end."""
        return any(entry.kind == "end" for entry in self.entries)

    @property
    def _control(self) -> bool:
        return bool(self.start.get("config", {}).get("gate") == "record")

    def check_settings(self) -> Iterator[Problem]:
        """The settings and the charter are those of the start."""
        start = self.start
        try:
            now = tomllib.loads(self.folder.config.read_text("utf-8"))
        except (OSError, ValueError) as error:
            yield Problem("config.toml", f"cannot be read: {error}")
            return
        then = _without_none(start.get("config", now))
        for key in sorted({*now, *then}):
            if now.get(key) != then.get(key):
                yield Problem("config.toml", f"{key} is {now.get(key)!r}, was {then.get(key)!r}")
        if "terms" in start and hash_data(start["terms"]) != start["charter"]:
            yield Problem("ledger entry 0", "the terms do not have the charter's hash")

    def check_turns(self) -> Iterator[Problem]:
        """Every decision follows from its evidence, and every pointer from its decision."""
        start, root = self.start, Seed(int(self.start["config"].get("seed", 1)))
        bases = start["base"]["scores"]
        means = {name: from_data(Scores, scores).mean for name, scores in bases.items()}
        if start["base"]["chosen"] != (max(means, key=lambda n: means[n]) if means else ""):
            yield Problem("ledger entry 0", "the base procedure chosen is not the best measured")
        gate = known_gate(start) if "terms" in start else None
        if gate is None and any(entry.kind == "generation" for entry, _ in self.places):
            why = "is not one that this check knows" if "gate" in start else "is not in the ledger"
            self.notes.say(f"its gate {why}: decisions were not recomputed")
        before: Position | None = None
        charter = start["charter"]
        for entry, position in self.places:
            body, where = entry.body, f"ledger entry {entry.seq}"
            if entry.kind == "amendment":
                charter = body["charter"]
                if hash_data(body["terms"]) != charter or fixed_of(body) != fixed_of(start):
                    yield Problem(where, "changes more of the charter than its budget")
            if entry.kind == "generation" and before is not None:
                if body["generation"] != position.generation:
                    told = f"generation {body['generation']} where {position.generation} is due"
                    yield Problem(where, told)
                if body.get("charter", charter) != charter:
                    yield Problem(where, "decided under another charter")
                lost = sorted(set(pruned(position)) - set(pruned(before)))
                if body.get("pruned", lost) != lost:
                    yield Problem(where, "the versions marked pruned do not follow")
                if gate is not None:
                    self.notes.count("decisions recomputed")
                    decision, same = decide_again(gate, body, before, root)
                    if not same or decision != body["decision"]:
                        yield Problem(where, "the decision does not follow from its evidence")
            before = position

    def check_records(self) -> Iterator[Problem]:
        """Every file of records is there, as it was written; and no other is."""
        expected: set[str] = set()
        last = 0
        for entry in self.entries:
            if entry.kind != "generation":
                continue
            last = entry.body["generation"]
            path = self.folder.records_path(last)
            expected.add(path.name)
            where = f"records/{path.name}"
            try:
                text = self.folder.read_text(last)
            except RunError as error:
                yield Problem(where, error.message.removeprefix(f"{path} "))
                continue
            kept = entry.body["records"]
            self.notes.count("records", text.count("\n"))
            if isinstance(kept, str):
                kept = {"hash": kept, "marks": ""}
            found = keep_text(text)
            if found.hash != kept["hash"]:
                yield Problem(*_first_line(where, found.marks, kept["marks"]))
        home = self.folder.path / "records"
        for path in sorted(home.iterdir()) if home.is_dir() else ():
            following = self.folder.records_path(last + 1).name
            if path.name in expected:
                continue
            if self.ended or not path.name.startswith(following):
                yield Problem(f"records/{path.name}", "the ledger does not name it")
            else:
                self.notes.say(f"records/{path.name}: of a generation that was not finished")

    def check_versions(self) -> Iterator[Problem]:
        """Every version that must be there is, and what is there is what the ledger names."""
        position = self.places[-1][1]
        home = self.folder.path / "versions"
        named = {c.hash: c for entry in self.entries for c in components_of(entry)}
        must = {c.hash for c in needed(position)}
        there = {p.name for p in home.iterdir()} if home.is_dir() else set()
        for digest in sorted(must | (there & set(named))):
            self.notes.count("versions")
            try:
                if not home.is_dir():
                    raise RunError("the folder versions is missing", "")
                Store(home).open(named[digest])
            except RunError as error:
                yield Problem(f"versions/{digest}", error.message)
        self.notes.count("pruned versions", len(set(named) - there))
        for name in sorted(there - set(named)):
            if self.ended:
                yield Problem(f"versions/{name}", "the ledger does not name it")
            else:
                self.notes.say(f"versions/{name}: of a generation that was not finished")


def find_head(entries: list[Entry], noted: str) -> Entry | None:
    """Return the entry whose hash a person noted as a head (at least 8 digits of it), or None."""
    if len(noted) < 8:
        raise RunError(f"{noted!r} is too short for a head", "give at least 8 of its 32 digits")
    return next((entry for entry in entries if entry.hash.startswith(noted.lower())), None)


def components_of(entry: Entry) -> list[Component]:
    """Return every component that an entry names."""
    body = entry.body
    states = [body[name] for name in ("initial", "candidate") if name in body]
    states += [body["pointers"][name] for name in ("incumbent", "branch") if "pointers" in body]
    return [component for state in states for component in from_data(State, state).values()]


def _first_line(where: str, found: str, kept: str) -> tuple[str, str]:
    """Name the first line that differs, by the marks."""
    if not kept:
        return where, "was changed"
    for at in range(0, max(len(found), len(kept)), MARK):
        if found[at : at + MARK] != kept[at : at + MARK]:
            number, lines = at // MARK + 1, (len(found) // MARK, len(kept) // MARK)
            told = "was changed" if lines[0] == lines[1] else f"{lines[0]} lines, {lines[1]} kept"
            return f"{where} line {number}", told
    return where, "was changed"


def _without_none(value: Any) -> Any:
    """Leave out what is None, as a settings file does."""
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    return value
