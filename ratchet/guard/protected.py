"""What judges a run, as files: the evaluator's source, the world's, and declared benchmarks."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

import ratchet
from ratchet.core.codec import hash_data

_PACKAGES = ("core", "worlds", "guard")
"""All that the evaluator process is made of."""


def source_files() -> dict[str, Path]:
    """Return the files of Ratchet's source that the evaluator process may load, by name."""
    root = Path(ratchet.__path__[0]).resolve()
    return {
        str(path.relative_to(root)): path
        for package in _PACKAGES
        for path in sorted((root / package).rglob("*.py"))
    }


def evaluator_files(world: object, benchmarks: Iterable[Path]) -> dict[str, Path]:
    """Return every file that the evaluator's judgement rests on, by a name without its place."""
    files = source_files()
    module = type(world).__module__
    place = getattr(sys.modules.get(module), "__file__", None)
    if place and not module.startswith("ratchet."):
        files[module] = Path(place).resolve()
    for path in benchmarks:
        files[f"benchmark {path.name} {len(files)}"] = path.resolve()
    return files


def digests(files: dict[str, Path]) -> dict[str, str]:
    """Return the hash of each file; one that cannot be read has the hash ``missing``."""
    return {name: _digest(path) for name, path in files.items()}


def changed(before: dict[str, str], files: dict[str, Path]) -> list[str]:
    """Return the names of the files that are no longer what they were."""
    now = digests(files)
    return sorted(name for name, digest in before.items() if now[name] != digest)


def hash_digests(found: dict[str, str]) -> str:
    """Return one hash for all of them."""
    return hash_data(found)


def _digest(path: Path) -> str:
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return "missing"
