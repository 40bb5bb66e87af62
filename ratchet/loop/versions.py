"""Content-addressed components on disk, written atomically and checked whenever they are opened."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from ratchet.core.codec import hash_files
from ratchet.core.errors import RunError
from ratchet.core.state import Component
from ratchet.loop.disk import sync_folder


class Store:
    """The folder ``versions/`` of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def close(self, kind: str, write: Callable[[Path], None]) -> Component:
        """Have ``write`` fill an empty folder and keep it under its content hash."""
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.folder))
        try:
            write(draft)
            component = Component(kind, hash_files(draft))
            home = self.folder / component.hash
            if not home.exists():
                _sync(draft)
                draft.rename(home)
                sync_folder(self.folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return component

    def open(self, component: Component) -> Path:
        """Return the folder of a component; RunError if it is missing or its bytes have changed."""
        home = self.folder / component.hash
        if not home.is_dir():
            raise RunError(
                f"version {component.hash} ({component.kind}) is missing from {self.folder}",
                "restore it from a copy, or start a new run",
            )
        if hash_files(home) != component.hash:
            raise RunError(
                f"version {component.hash} ({component.kind}) is damaged: its content has changed",
                "restore it from a copy, or start a new run",
            )
        return home

    def write(self, kind: str, name: str, text: str) -> Component:
        """Keep one text file as a component."""
        return self.close(kind, lambda folder: _write_text(folder / name, text))

    def read(self, component: Component, name: str) -> str:
        """Return the text of one file of a component."""
        return (self.open(component) / name).read_text(encoding="utf-8")

    def keep(self, components: Iterable[Component]) -> None:
        """Remove every version that is not among these, and drafts that a kill left behind.

        A version loses its name before its files, so that a kill leaves no half of it behind.
        """
        kept = {c.hash for c in components}
        for path in list(self.folder.iterdir()):
            if path.name not in kept:
                shutil.rmtree(path.rename(path.with_name(f".draft-{path.name}")))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
