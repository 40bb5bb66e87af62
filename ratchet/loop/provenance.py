"""What made a run: code, packages, machine. It says whether the run can be repeated here."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import ratchet
from ratchet.core.codec import hash_data, hash_text

_PACKAGES = (
    "ratchet-rsi",
    "numpy",
    "pydantic",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
)


def describe_machine() -> dict[str, str | int]:
    """Return what a reader needs to judge timings and to repeat a run."""
    versions: dict[str, str | int] = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cores": os.cpu_count() or 1,
        **versions,
    }


def hash_code(recipe: Any) -> str:
    """Return a hash over Ratchet's source and the file that defines a recipe."""
    module = sys.modules.get(type(recipe).__module__)
    file = getattr(module, "__file__", None)
    return hash_data([_hash_package(), hash_text(_read(Path(file))) if file else ""])


@cache
def _hash_package() -> str:
    home = Path(ratchet.__path__[0])
    files = sorted(home.rglob("*.py"))
    return hash_data([[path.relative_to(home).as_posix(), _read(path)] for path in files])


def _read(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")
