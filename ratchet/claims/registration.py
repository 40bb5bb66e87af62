"""What was claimed before the first run; a later change is refused where there are results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ratchet.claims.claim import Claims
from ratchet.core.codec import to_data
from ratchet.core.errors import RunError
from ratchet.loop.disk import write_atomically

FILE = "preregistration.json"


def register(
    out: Path, recipe: str, tier: str, claims: Claims, settings: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write claims and every arm's settings into the results folder, or compare with what is there.

    Raises RunError where runs exist that were made for other claims, settings, recipe or tier.
    """
    asked = {
        "format": 1,
        "recipe": recipe,
        "tier": tier,
        "claims_hash": claims.hash,
        "claims": to_data(claims),
        "settings": {arm: dict(values) for arm, values in settings.items()},
    }
    path, runs = out / FILE, out / "runs"
    started = runs.is_dir() and any(runs.iterdir())
    if started:
        _compare(_read(path), asked, out)
        return
    try:
        write_atomically(path, (json.dumps(asked, indent=2, sort_keys=True) + "\n").encode())
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}", "choose another --out") from error


def _read(path: Path) -> dict[str, Any]:
    elsewhere = "name another folder with --out"
    if not path.is_file():
        raise RunError(f"{path.parent} has runs but no {FILE}", elsewhere)
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"cannot read {path}: {error}", elsewhere) from error
    return data


def _compare(found: Mapping[str, Any], asked: Mapping[str, Any], out: Path) -> None:
    words = {"recipe": "recipe", "tier": "tier", "claims_hash": "claims", "settings": "settings"}
    for key, word in words.items():
        if found.get(key) != asked[key]:
            raise RunError(
                f"{out} holds results that were registered with other {word}"
                + (f" (hash {found.get(key)}, now {asked[key]})" if key == "claims_hash" else "")
                + ": claims are fixed before the first run",
                "start anew with --out and a new folder",
            )
