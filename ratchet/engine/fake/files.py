"""Fake policies on disk: JSON whose numbers read back bit for bit, weights and moments apart.

Keys are sorted, so equal policies have equal files whatever order they were trained in.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

import numpy as np
from pydantic import ValidationError

from ratchet.core.codec import canonical_json, from_data, hash_text, to_data
from ratchet.core.errors import EngineError
from ratchet.engine.fake.table import Key, Table

WEIGHTS = "policy.json"
"""The weights."""
MOMENTS = "optimiser.json"
"""The moments; absent if they were not saved."""

T = TypeVar("T")


@dataclass(frozen=True)
class SavedPolicy:
    """A policy's weights."""

    base: str
    """Name of the base it was made from."""
    actions: tuple[str, ...]
    """The base's actions; none for a scripted one."""
    length: int
    """The base's length; 0 for a scripted one."""
    keys: tuple[Key, ...] = ()
    """Touched keys, sorted."""
    logits: tuple[tuple[float, ...], ...] = ()
    """Their logits."""
    format: Literal["ratchet-fake-policy-1"] = "ratchet-fake-policy-1"
    """Tag on disk."""


@dataclass(frozen=True)
class SavedMoments:
    """An optimiser's state."""

    policy: str
    """Hash of the weights' file it belongs to."""
    steps: int
    """Steps taken."""
    first: tuple[tuple[float, ...], ...]
    """First moments in the order of the policy's keys."""
    second: tuple[tuple[float, ...], ...]
    """Second moments, likewise."""
    format: Literal["ratchet-fake-optimiser-1"] = "ratchet-fake-optimiser-1"
    """Tag on disk."""


def write(folder: Path, policy: SavedPolicy, table: Table, optimiser: bool) -> None:
    """Write a policy; moments left by an earlier save are removed unless they are written anew."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = tuple(sorted(table.logits))
    saved = SavedPolicy(policy.base, policy.actions, policy.length, keys, _rows(table.logits, keys))
    text = canonical_json(to_data(saved))
    (folder / MOMENTS).unlink(missing_ok=True)
    (folder / WEIGHTS).write_text(text, encoding="utf-8")
    if optimiser:
        moments = SavedMoments(
            hash_text(text), table.steps, _rows(table.first, keys), _rows(table.second, keys)
        )
        (folder / MOMENTS).write_text(canonical_json(to_data(moments)), encoding="utf-8")


def read(folder: Path) -> tuple[SavedPolicy, Table]:
    """Read a policy back. Raises EngineError on files that are absent, cut short or not ours."""
    saved, text = _load(folder / WEIGHTS, SavedPolicy)
    width = len(saved.actions)
    table = Table(_arrays(folder / WEIGHTS, saved.keys, saved.logits, width))
    if (folder / MOMENTS).exists():
        moments, _ = _load(folder / MOMENTS, SavedMoments)
        if moments.policy != hash_text(text):
            _fail(folder / MOMENTS, "belongs to other weights")
        table.steps = moments.steps
        table.first = _arrays(folder / MOMENTS, saved.keys, moments.first, width)
        table.second = _arrays(folder / MOMENTS, saved.keys, moments.second, width)
    return saved, table


def _rows(arrays: dict[Key, Any], keys: tuple[Key, ...]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(arrays[key].tolist()) for key in keys if key in arrays)


def _arrays(
    path: Path, keys: tuple[Key, ...], rows: tuple[tuple[float, ...], ...], width: int
) -> dict[Key, Any]:
    if path.name == MOMENTS and not rows:
        return {}
    if len(rows) != len(keys) or any(len(row) != width for row in rows):
        _fail(path, "has rows that do not fit its keys")
    if not all(math.isfinite(value) for row in rows for value in row):
        _fail(path, "has a number that is not finite")
    return {key: np.array(row) for key, row in zip(keys, rows, strict=True)}


def _load(path: Path, kind: type[T]) -> tuple[T, str]:
    try:
        text = path.read_text(encoding="utf-8")
        return from_data(kind, json.loads(text)), text
    except OSError as error:
        _fail(path, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        _fail(path, "is not text")
    except json.JSONDecodeError:
        _fail(path, "is cut short or not JSON")
    except ValidationError as error:
        _fail(path, f"is not a saved fake policy: {error.errors()[0]['msg']}")


def _fail(path: Path, what: str) -> NoReturn:
    raise EngineError(f"{path} {what}", "load a folder that FakeEngine.save wrote in full")
