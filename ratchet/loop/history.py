"""The versions of a run, what became of them, and going back to one."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.core.codec import from_data
from ratchet.core.errors import RunError
from ratchet.core.state import Component, State
from ratchet.guard.messages import FINAL
from ratchet.loop.folder import RunFolder
from ratchet.loop.ledger import Entry
from ratchet.loop.policies import MOMENTS
from ratchet.loop.position import Position, pointers, read_positions
from ratchet.loop.retention import needed


@dataclass(frozen=True)
class Version:
    """One component that the run made."""

    hash: str
    """Content hash."""
    name: str
    """Its name in the state that it first stood in."""
    kind: str
    """What it is."""
    generation: int
    """Generation that made it; 0 is the start."""
    decision: str
    """What was decided on that generation; ``start`` for 0."""
    bytes: int | None
    """Size of its files; None if they are gone."""
    stays: bool
    """Whether the retention rule keeps it."""


@dataclass(frozen=True)
class Stage:
    """The state that one generation proposed."""

    generation: int
    """Its number."""
    hash: str
    """Hash of the state."""
    decision: str
    """What was decided on it."""
    files: str
    """``whole``; ``pruned``: only optimisers' moments are gone; ``gone``: more than that is."""
    now: tuple[str, ...]
    """``incumbent``, ``branch`` or both, if it is that now."""


def read_run(folder: RunFolder, control: bool) -> list[tuple[Entry, Position]]:
    """Return every entry of a run with the position after it; RunError if it has not started."""
    with folder.reading() as ledger:
        places = list(read_positions(ledger.entries(), control))
    if not places:
        raise RunError(f"{folder.path} has not started", f"ratchet resume {folder.path}")
    return places


def list_versions(folder: RunFolder, control: bool) -> tuple[list[Version], list[Stage]]:
    """Return every component and every generation's state, oldest first."""
    places = read_run(folder, control)
    position = places[-1][1]
    stays = {c.hash for c in needed(position)}
    proposed = _proposed(places)
    versions: dict[str, Version] = {}
    stages = []
    for number, (state, decision) in proposed.items():
        for name, c in sorted(state.items()):
            if c.hash not in versions:
                size = measure_size(folder, c)
                versions[c.hash] = Version(
                    c.hash, name, c.kind, number, decision, size, c.hash in stays
                )
        gone = [c for c in state.values() if versions[c.hash].bytes is None]
        files = "whole" if not gone else "gone"
        if gone and all(c.kind == MOMENTS for c in gone):
            files = "pruned"
        now = {"incumbent": position.incumbent, "branch": position.branch}
        held = tuple(name for name, held in now.items() if held.hash == state.hash)
        stages.append(Stage(number, state.hash, decision, files, held))
    return list(versions.values()), stages


def leftovers(folder: RunFolder, control: bool) -> dict[str, int]:
    """Return what the retention rule would remove: names under ``versions/`` with their sizes."""
    stays = {c.hash for c in needed(read_run(folder, control)[-1][1])}
    home = folder.path / "versions"
    return {
        path.name: measure_size(folder, Component("", path.name)) or 0
        for path in sorted(home.iterdir())
        if path.name not in stays
    }


def prune(folder: RunFolder, control: bool) -> dict[str, int]:
    """Apply the retention rule, write it down, and return what was removed with its size."""
    with folder.lock():
        going = leftovers(folder, control)
        if going:
            position = read_run(folder, control)[-1][1]
            with folder.ledger() as ledger:
                ledger.append("prune", {"versions": sorted(going)})
            folder.store().keep(needed(position))
    return going


def roll_back(folder: RunFolder, generation: int) -> tuple[Position, tuple[str, ...]]:
    """Return a run to where it stood after a generation: its incumbent, whole, and its parameters.

    It is one more entry of the ledger; nothing is removed from it or from the disk. Returns the
    position and the components that had been pruned, so that they start afresh. Raises RunError.
    """
    again = f"ratchet versions {folder.path}"
    with folder.lock(), folder.ledger() as ledger:
        entries = list(ledger.entries())
        start = next((entry.body for entry in entries if entry.kind == "start"), {})
        if start.get("config", {}).get("gate") == "record":
            raise RunError(
                f"{folder.path} is a control: no decision moves it, and no person does",
                "roll back a run with gate = enforce",
            )
        places = list(read_positions(entries, False))
        moving = ("start", "approval", "generation")
        stages = {at.generation: at for entry, at in places if entry.kind in moving}
        if generation not in stages:
            last = max(stages, default=0)
            raise RunError(f"there is no generation {generation}; the last is {last}", again)
        position, stage = places[-1][1], stages[generation]
        ended = any(entry.kind == "end" for entry in entries)
        if not ended and (folder.evaluator / FINAL).is_file():
            raise RunError(
                f"{folder.path} is in its final measurement, which opens for one set of states",
                f"let it end first: ratchet resume {folder.path}",
            )
        fresh = _missing_moments(folder, stage.incumbent)
        after = position.return_to(stage, fresh)
        if after == position:
            raise RunError(f"{folder.path} is at generation {generation} already", again)
        body = {"to": generation, "after": position.generation, "fresh": list(fresh)}
        ledger.append("rollback", {**body, "pointers": pointers(after)})
    return after, fresh


def measure_size(folder: RunFolder, component: Component) -> int | None:
    """Return the size of a component's files in bytes, None if they are not there."""
    home = folder.path / "versions" / component.hash
    if not home.exists():
        return None
    return sum(path.stat().st_size for path in (home, *home.rglob("*")) if path.is_file())


def _missing_moments(folder: RunFolder, state: State) -> tuple[str, ...]:
    """Return the names of moments that are gone; RunError if anything else is, or is damaged."""
    store, fresh = folder.store(), []
    for name, component in sorted(state.items()):
        gone = not (store.folder / component.hash).exists()
        if gone and component.kind == MOMENTS:
            fresh.append(name)
        else:
            store.open(component)
    return tuple(fresh)


def _proposed(places: list[tuple[Entry, Position]]) -> dict[int, tuple[State, str]]:
    """Return, by generation, the state that was proposed and what was decided on it."""
    found = {}
    for entry, position in places:
        if entry.kind == "start":
            found[0] = (position.initial, "start")
        elif entry.kind == "generation":
            state = from_data(State, entry.body["candidate"])
            found[position.generation] = (state, entry.body["decision"]["verb"])
        elif entry.kind == "approval":
            found[position.generation] = (position.incumbent, "approved")
    return found
