"""Model folders in the user's cache: written whole or not at all, checked against a manifest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from ratchet.core.codec import canonical_json, from_data, to_data

MANIFEST = "manifest.json"
"""Written last: a folder without it is not whole."""


@dataclass(frozen=True)
class FileEntry:
    """One file of a model folder."""

    name: str
    """Name within the folder."""
    size: int
    """Bytes."""
    sha256: str
    """Hash of its content."""


@dataclass(frozen=True)
class Manifest:
    """What a whole model folder holds."""

    source: str
    """What it was made from."""
    files: tuple[FileEntry, ...]
    """Its files, by name."""
    format: Literal["ratchet-model-1"] = "ratchet-model-1"
    """Tag on disk; changes when a conversion does, so that older folders are rebuilt."""


def cache_folder() -> Path:
    """Return where models are kept: ``$RATCHET_CACHE/models`` or ``~/.cache/ratchet/models``."""
    root = os.environ.get("RATCHET_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "ratchet") / "models"


def find_damage(folder: Path, contents: bool = False) -> str | None:
    """Return None if a folder is whole, else what is wrong with it.

    Sizes are always compared; the contents, which takes about a second a gigabyte, on request.
    """
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        manifest = from_data(Manifest, data)
    except OSError:
        return f"{MANIFEST} is missing"
    except (ValueError, ValidationError):
        return f"{MANIFEST} is damaged or of an older format"
    for entry in manifest.files:
        path = folder / entry.name
        if not path.is_file():
            return f"{entry.name} is missing"
        if path.stat().st_size != entry.size:
            return f"{entry.name} has {path.stat().st_size} bytes, not {entry.size}"
        if contents and hash_file(path) != entry.sha256:
            return f"the content of {entry.name} has changed"
    return None


def write_folder(home: Path, source: str, write: Callable[[Path], None]) -> Path:
    """Have ``write`` fill a new folder and put it at ``home`` in one step.

    A damaged folder that is there already is replaced. If another process gets there first,
    its folder is kept.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
    try:
        write(draft)
        _finish(draft, source)
        if home.exists() and find_damage(home) is not None:
            home.rename(draft.with_name(f"{draft.name}-old"))
        if not home.exists():
            draft.rename(home)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(draft.with_name(f"{draft.name}-old"), ignore_errors=True)
    return home


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _finish(draft: Path, source: str) -> None:
    entries = [
        FileEntry(path.name, path.stat().st_size, hash_file(path))
        for path in sorted(draft.iterdir())
    ]
    manifest = Manifest(source, tuple(entries))
    (draft / MANIFEST).write_text(canonical_json(to_data(manifest)), encoding="utf-8")
    for path in draft.iterdir():
        path.chmod(0o644)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    draft.chmod(0o755)
