"""Where models are: the built-in names, folders, and what was fetched from the hub before.

Nothing is downloaded here; ``get`` does that, when a user asks for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ratchet.core.config import nearest
from ratchet.core.errors import ModelError
from ratchet.engine.models import smollm2
from ratchet.engine.models.folder import cache_folder, find_damage

TINY = Path(__file__).parent / "tiny"
"""The tiny model, which is package data."""
NAMES = ("smollm2", "tiny")
"""The built-in names."""
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
"""What a hub id looks like."""
MADE_NAME = re.compile(r"[a-z][a-z0-9-]*-[0-9a-f]{12}")
"""What a model is called that a recipe made and keeps in the cache: its name ends in a hash."""


@dataclass(frozen=True)
class Available:
    """A model that has a name here."""

    name: str
    """What ``resolve`` takes."""
    folder: str
    """Where it is or would be."""
    size: int
    """Bytes on disk; 0 if it is not there."""
    state: str
    """``ready``, ``installed`` (converted at first use), ``damaged: ...`` or ``absent``."""


def resolve(name: str) -> Path:
    """Return a folder with config.json, tokenizer.json and safetensors for a name.

    The name is ``smollm2``, ``tiny``, the path of a folder, a hub id that was fetched before, or
    the name of a model that a recipe made.
    Raises ModelError whose hint is the command that helps.
    """
    if name == smollm2.NAME:
        return smollm2.open_smollm2()
    if name == "tiny":
        return _open_tiny()
    if (Path(name) / "config.json").is_file():
        return _check_folder(Path(name), name)
    if MADE_NAME.fullmatch(name) and find_damage(cache_folder() / name) is None:
        return cache_folder() / name
    if HUB_NAME.fullmatch(name):
        return _check_folder(open_hub(name, online=False), name)
    raise ModelError(
        f"there is no model {name!r}{nearest(name, list(NAMES))}",
        f"use one of {', '.join(NAMES)}, the path of a model folder, or a hub id (org/name)",
    )


def list_models() -> list[Available]:
    """Return the built-in models and what state they are in."""
    home = cache_folder() / smollm2.NAME
    if home.exists():
        damage = find_damage(home)
        state = f"damaged: {damage}" if damage else "ready"
    else:
        state = "installed" if smollm2.find_source() else "absent"
    tiny = "ready" if missing(TINY) is None else "absent"
    return [
        Available("smollm2", str(home), _size(home), state),
        Available("tiny", str(TINY), _size(TINY), tiny),
    ]


def open_hub(name: str, online: bool) -> Path:
    """Return the snapshot of a hub id, downloaded if ``online``. Raises ModelError."""
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                name,
                allow_patterns=["*.json", "*.safetensors", "*.jinja"],
                local_files_only=not online,
            )
        )
    except (OSError, ValueError) as error:
        what = "cannot be fetched" if online else "was not fetched yet"
        raise ModelError(
            f"the model {name} {what} from the hub: {str(error).splitlines()[0]}",
            "check the id and the network" if online else f"ratchet models get {name}",
        ) from error


def missing(folder: Path) -> str | None:
    """Return what a model folder lacks, or None."""
    for file in ("config.json", "tokenizer.json"):
        if not (folder / file).is_file():
            return file
    return None if any(folder.glob("*.safetensors")) else "*.safetensors"


def _open_tiny() -> Path:
    lack = missing(TINY)
    if lack is not None:
        raise ModelError(
            f"the tiny model is not built: {lack} is missing", "ratchet models build tiny"
        )
    return TINY


def _check_folder(folder: Path, name: str) -> Path:
    lack = missing(folder)
    if lack is not None:
        raise ModelError(f"the model {name} lacks {lack}", "use a model in safetensors format")
    return folder


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
