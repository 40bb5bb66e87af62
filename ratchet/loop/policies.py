"""Policies between an engine and the state: opened from components, closed into components.

A policy ``solver`` is two components: ``solver`` (kind policy) and ``solver.optimiser`` (kind
optimiser), so that old versions can lose their moments.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ratchet.core.seeds import Seed
from ratchet.core.state import Component, State
from ratchet.engine.protocol import Adapter, Engine, Full
from ratchet.loop.versions import Store

MOMENTS = "optimiser"
"""An engine's files with this prefix hold its optimiser's moments."""


def create_policies(
    engine: Engine, store: Store, bases: Mapping[str, str], kind: Adapter | Full, seed: Seed
) -> State:
    """Return a state with one fresh policy per role, each equal to its base."""
    components: dict[str, Component] = {}
    for role, base in bases.items():
        engine.create(role, base, kind, seed.child(role).integer())
        components |= close_policies(engine, store, role)
        engine.drop(role)
    return State(components)


@contextmanager
def opened(engine: Engine, store: Store, state: State, *roles: str) -> Iterator[None]:
    """Load these roles' policies under their names and drop them afterwards."""
    with opened_as(engine, store, state, {role: role for role in roles}):
        yield


@contextmanager
def opened_as(
    engine: Engine, store: Store, state: State, roles: Mapping[str, str]
) -> Iterator[None]:
    """Load policies, roles by the name each shall have, and drop them afterwards."""
    loaded: list[str] = []
    try:
        for name, role in roles.items():
            _load(engine, store, state, role, name)
            loaded.append(name)
        yield
    finally:
        for name in loaded:
            engine.drop(name)


def close_policies(engine: Engine, store: Store, *roles: str) -> dict[str, Component]:
    """Save these roles' policies and return their components by name."""
    components = {}
    for role in roles:
        with tempfile.TemporaryDirectory(dir=store.folder, prefix=".draft-") as folder:
            engine.save(role, Path(folder))
            files = sorted(Path(folder).iterdir())
            weights = [path for path in files if not path.name.startswith(MOMENTS)]
            moments = [path for path in files if path.name.startswith(MOMENTS)]
            components[role] = store.close("policy", _mover(weights))
            components[f"{role}.{MOMENTS}"] = store.close(MOMENTS, _mover(moments))
    return components


def _load(engine: Engine, store: Store, state: State, role: str, name: str) -> None:
    parts = [state[part] for part in (role, f"{role}.{MOMENTS}") if part in state]
    with tempfile.TemporaryDirectory() as folder:
        for part in parts:
            for path in store.open(part).iterdir():
                os.symlink(path.resolve(), Path(folder) / path.name)
        engine.load(name, Path(folder))


def _mover(paths: list[Path]) -> Callable[[Path], None]:
    def move(folder: Path) -> None:
        for path in paths:
            shutil.move(path, folder / path.name)

    return move
