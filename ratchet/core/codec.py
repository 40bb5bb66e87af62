"""Nouns to JSON and back, and content hashes.

Canonical JSON (sorted keys, no spaces, no NaN) is what is hashed: equal values, equal hashes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def to_data(value: Any) -> Any:
    """Return the value of a noun as plain JSON data."""
    return _adapter(type(value)).dump_python(value, mode="json")


def from_data(kind: type[T], data: Any) -> T:
    """Rebuild a noun from ``to_data``; pydantic's ValidationError on data of another shape."""
    result: T = _adapter(kind).validate_python(data)
    return result


def canonical_json(data: Any) -> str:
    """Return the one JSON text of this data; raises ValueError on NaN and infinities."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def hash_text(text: str) -> str:
    """Return 32 hex digits for a text."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def hash_data(data: Any) -> str:
    """Return 32 hex digits for JSON data."""
    return hash_text(canonical_json(data))


def hash_files(folder: Path) -> str:
    """Return 32 hex digits for the names and contents of all files in a folder."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()
