"""Policies on disk, bit for bit: weights and moments in two safetensors files, the rest in JSON.

policy.json            what it is: kind, base, hash of the weights
weights.safetensors    the policy's own tensors
optimiser.safetensors  the moments; absent if they were not saved or no step was taken
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ratchet.core.codec import canonical_json, from_data, to_data
from ratchet.core.errors import EngineError
from ratchet.engine.local.optimiser import Moments
from ratchet.engine.local.policy import Policy
from ratchet.engine.protocol import Adapter, Full

DESCRIPTION = "policy.json"
WEIGHTS = "weights.safetensors"
MOMENTS = "optimiser.safetensors"


@dataclass(frozen=True)
class SavedPolicy:
    """What a saved policy is."""

    base: str
    """Name of the base it was made from."""
    fingerprint: str
    """Hash of that base's configuration."""
    kind: Literal["adapter", "full"]
    """How it is trained."""
    weights: str
    """Hash of the weights' file."""
    rank: int = 0
    """An adapter's rank."""
    alpha: float = 0.0
    """An adapter's alpha."""
    format: Literal["ratchet-local-policy-1"] = "ratchet-local-policy-1"
    """Tag on disk."""

    def protocol_kind(self) -> Adapter | Full:
        """Return the kind as the contract names it."""
        return Adapter(self.rank, self.alpha) if self.kind == "adapter" else Full()


def write(folder: Path, policy: Policy, optimiser: bool) -> None:
    """Write a policy; moments left by an earlier save are removed unless they are written anew."""
    folder.mkdir(parents=True, exist_ok=True)
    _save(folder / WEIGHTS, policy.tensors(), {})
    digest = _hash(folder / WEIGHTS)
    kind = policy.kind
    saved = SavedPolicy(
        base=policy.base.name,
        fingerprint=policy.base.fingerprint,
        kind="adapter" if isinstance(kind, Adapter) else "full",
        weights=digest,
        rank=kind.rank if isinstance(kind, Adapter) else 0,
        alpha=kind.alpha if isinstance(kind, Adapter) else 0.0,
    )
    (folder / DESCRIPTION).write_text(canonical_json(to_data(saved)), encoding="utf-8")
    (folder / MOMENTS).unlink(missing_ok=True)
    if optimiser and policy.moments.steps:
        tensors = {f"first.{name}": t for name, t in policy.moments.first.items()}
        tensors |= {f"second.{name}": t for name, t in policy.moments.second.items()}
        tensors["steps"] = torch.tensor(policy.moments.steps)
        _save(folder / MOMENTS, tensors, {"weights": digest})


def read_description(folder: Path) -> SavedPolicy:
    """Read what a saved policy is. Raises EngineError."""
    path = folder / DESCRIPTION
    try:
        return from_data(SavedPolicy, json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        _fail(path, f"cannot be read: {error.strerror}")
    except (ValueError, ValidationError):
        _fail(path, "is cut short or not a saved policy")


def read_tensors(folder: Path, saved: SavedPolicy, policy: Policy) -> None:
    """Fill a fresh policy with the saved weights and, where they were saved, the moments."""
    path = folder / WEIGHTS
    weights, _ = _open(path)
    if _hash(path) != saved.weights:
        _fail(path, "has changed since it was saved")
    own = policy.tensors()
    _match(path, weights, own)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(weights[name])
    if (folder / MOMENTS).exists():
        policy.moments = _read_moments(folder / MOMENTS, saved, own)


def _read_moments(path: Path, saved: SavedPolicy, own: dict[str, Tensor]) -> Moments:
    tensors, metadata = _open(path)
    if metadata.get("weights") != saved.weights:
        _fail(path, "belongs to other weights")
    steps = tensors.pop("steps", None)
    if steps is None or steps.shape != ():
        _fail(path, "has no count of steps")
    _match(path, tensors, {f"{m}.{n}": t for m in ("first", "second") for n, t in own.items()})
    first = {name: tensors[f"first.{name}"].to(t.device) for name, t in own.items()}
    second = {name: tensors[f"second.{name}"].to(t.device) for name, t in own.items()}
    return Moments(int(steps), first, second)


def _match(path: Path, found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Require the same names, shapes and dtypes."""
    if found.keys() != expected.keys():
        _fail(path, f"has other tensors than the policy: {len(found)}, not {len(expected)}")
    for name, tensor in expected.items():
        if found[name].shape != tensor.shape or found[name].dtype != tensor.dtype:
            _fail(path, f"has another shape or type of {name}")


def _save(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(plain, path, metadata=metadata or None)


def _open(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except OSError as error:
        _fail(path, f"cannot be read: {error.strerror or error}")
    except SafetensorError as error:
        _fail(path, f"is cut short or damaged: {error}")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _fail(path: Path, what: str) -> NoReturn:
    raise EngineError(
        f"{path} {what}", "load a folder that LocalEngine.save wrote in full, or an older version"
    )
