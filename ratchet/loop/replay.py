"""Doing a generation again from the log: its state, its seed, its anchors; and comparing.

Everything is written to a scratch folder, nothing to the run. If the state before the generation
has been pruned, the generations that led to it are improved again first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from ratchet.core.codec import to_data
from ratchet.core.errors import RunError
from ratchet.core.events import Listener, ignore
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.guard.charter import find_charter
from ratchet.guard.evaluator import Evaluator
from ratchet.guard.messages import RECORDS
from ratchet.loop.amend import fixed_hash_of
from ratchet.loop.audit import read_past
from ratchet.loop.config import RunConfig
from ratchet.loop.folder import RunFolder, encode_records, keep_text
from ratchet.loop.gates import choose_gate
from ratchet.loop.history import read_run
from ratchet.loop.ledger import Entry
from ratchet.loop.liveness import Tally
from ratchet.loop.monitor import Past
from ratchet.loop.position import Position
from ratchet.loop.problem import find_difference
from ratchet.loop.provenance import hash_code
from ratchet.loop.recipe import Recipe
from ratchet.loop.turn import improve, take_turn
from ratchet.loop.versions import Store

_ORDER = (
    "candidate",
    "records",
    "audit",
    "readings",
    "findings",
    "evidence",
    "capabilities",
    "labels",
    "decision",
)
_COMPARED = (*_ORDER, "pointers", "pruned", "measures", "liveness", "generation")


@dataclass(frozen=True)
class Replayed:
    """How a generation went the second time."""

    generation: int
    """Its number."""
    started: int
    """The first generation that had to be done again to get there."""
    state: str
    """Hash of the candidate that came of it."""
    records: int
    """Number of records that came of it."""
    difference: tuple[str, str, str] | None
    """The first place that differs, what came now, what is recorded; None: all is equal."""
    same_code: bool | None
    """Whether the code is that of the record; None if the record does not say."""


@dataclass(frozen=True)
class _Recorded:
    """A generation as it is recorded, and where the run stood before it."""

    entry: Entry
    before: Position
    fixed: str
    """Hash of the charter that it was decided under, but for the budget, which shapes nothing."""
    rows: int
    """How many of the evaluator's own records there were before it."""
    known: Sequence[Past]
    """What monitors knew of the generations before it."""


def replay(
    folder: RunFolder,
    config: RunConfig,
    build: Callable[[Store], Recipe],
    generation: int,
    tell: Listener = ignore,
) -> Replayed:
    """Do a generation again and compare. Raises RunError if it cannot be done here."""
    places = read_run(folder, config.gate == "record")
    fixed = fixed_hash_of(places[0][0].body)
    past: dict[int, _Recorded] = {}
    known: list[Past] = []
    rows = 0
    for (last, before), (entry, _) in pairwise(places):
        rows = last.body.get("evaluator", {"rows": rows})["rows"]
        if entry.kind == "generation":
            past[entry.body["generation"]] = _Recorded(entry, before, fixed, rows, tuple(known))
            known += read_past([entry])
    if generation not in past:
        raise RunError(
            f"there is no generation {generation} in {folder.path}; it has {len(past)}",
            f"name one of 1 to {len(past)}" if past else f"ratchet resume {folder.path}",
        )
    started = _nearest(folder, past, generation)
    root = Seed(config.seed)
    with tempfile.TemporaryDirectory(prefix="ratchet-replay-") as scratch:
        store = _borrow(folder, Path(scratch) / "versions")
        recipe = build(store)
        same_code = _is_same_code(places, past[generation].entry, recipe)
        for number in range(started, generation):
            made = improve(recipe, past[number].before, root, Tally(), tell).state
            found = find_difference(to_data(made), past[number].entry.body["candidate"])
            if found is not None:
                place = f"generation {number} on the way: {found[0]}"
                different = (place, found[1], found[2])
                return Replayed(generation, started, made.hash, 0, different, same_code)
        body = _again(folder, config, recipe, past[generation], Path(scratch), tell)
        state: str = body.pop("state")
        text: str = body.pop("text")
        difference = _compare(folder, generation, body, text, past[generation].entry.body)
        return Replayed(generation, started, state, text.count("\n"), difference, same_code)


def _again(
    folder: RunFolder,
    config: RunConfig,
    recipe: Recipe,
    past: _Recorded,
    scratch: Path,
    tell: Listener,
) -> dict[str, Any]:
    number = past.before.generation + 1
    first = max(1, number - config.window + 1)
    window = [folder.read_records(n) for n in range(first, number)]
    charter = find_charter(config.charter)
    _lend_rows(folder, past.rows, scratch / "evaluator")
    with Evaluator(charter, config.seed, scratch / "evaluator") as evaluator:
        if evaluator.charter.fixed_hash != past.fixed:
            raise RunError(
                f"{charter} is not the charter that generation {number} was decided under",
                "restore it, then replay again",
            )
        gate = choose_gate(evaluator.charter, config.gate_items)
        turn = take_turn(recipe, config, evaluator, gate, past.before, window, past.known, tell)
    text = encode_records(turn.candidate.records)
    kept = to_data(keep_text(text))
    return {**turn.body, "records": kept, "text": text, "state": turn.candidate.state.hash}


def _lend_rows(folder: RunFolder, rows: int, home: Path) -> None:
    """Tell the evaluator which anchors had been drawn before: training is held against them."""
    home.mkdir()
    records = folder.evaluator / RECORDS
    lines = records.read_text("utf-8").splitlines(keepends=True) if rows else []
    (home / RECORDS).write_text("".join(lines[:rows]), "utf-8")


def _compare(
    folder: RunFolder, number: int, body: dict[str, Any], text: str, recorded: dict[str, Any]
) -> tuple[str, str, str] | None:
    """Return the first difference: the state, then the records, then what was made of them."""
    for name in _COMPARED:
        if name == "records":
            kept = recorded["records"]
            digest = kept if isinstance(kept, str) else kept["hash"]
            if digest == body["records"]["hash"]:
                continue
            lines, then = text.splitlines(), folder.read_text(number).splitlines()
            for at in range(max(len(lines), len(then))):
                ours, theirs = (s[at] if at < len(s) else "nothing" for s in (lines, then))
                if found := find_difference(ours, theirs, f"records line {at + 1}"):
                    return found
            return "records", body["records"]["hash"], digest
        if name in recorded and (found := find_difference(body[name], recorded[name], name)):
            return found
    return None


def _nearest(folder: RunFolder, past: Mapping[int, _Recorded], generation: int) -> int:
    """Return the latest generation from which the state before this one can be made."""
    home = folder.path / "versions"
    for started in range(generation, 0, -1):
        made: set[str] = set()
        for number in range(started, generation + 1):
            before = past[number].before
            # Improving needs the branch; deciding needs the incumbent beside it.
            states = [before.branch, before.initial]
            states += [before.incumbent] if number == generation else []
            if not _all_there(states, home, made):
                break
            components = past[number].entry.body["candidate"]["components"]
            made |= {component["hash"] for component in components.values()}
        else:
            return started
    raise RunError(
        f"the state before generation {generation} is gone, and nothing is left to make it from",
        f"ratchet versions {folder.path}",
    )


def _all_there(states: Sequence[State], home: Path, made: set[str]) -> bool:
    hashes = {component.hash for state in states for component in state.values()}
    return all(digest in made or (home / digest).is_dir() for digest in hashes)


def _borrow(folder: RunFolder, home: Path) -> Store:
    """Return a store in a scratch folder that reads the run's versions and keeps new ones apart."""
    store = Store(home)
    for path in (folder.path / "versions").iterdir():
        if path.is_dir() and not path.name.startswith("."):
            (home / path.name).symlink_to(path.resolve(), target_is_directory=True)
    return store


def _is_same_code(
    places: Sequence[tuple[Entry, Position]], entry: Entry, recipe: Recipe
) -> bool | None:
    known = [e.body["code"] for e, _ in places if e.seq < entry.seq and "code" in e.body]
    return known[-1] == hash_code(recipe) if known else None
