"""Exporting a policy as an ordinary Hugging Face checkpoint, its additions merged in."""

from __future__ import annotations

import shutil
from pathlib import Path

from safetensors.torch import save_file

from ratchet.core.errors import EngineError
from ratchet.engine.local.adapters import merge_adapter
from ratchet.engine.local.engine import LocalEngine

_BESIDE = ("*.json", "*.jinja", "*.txt", "*.model")
"""Files that go with the weights: configuration and tokenizer."""
_LEFT_OUT = ("manifest.json", "model.safetensors.index.json")


def export_merged(engine: LocalEngine, name: str, folder: Path) -> Path:
    """Write a checkpoint that transformers loads without Ratchet, and return its folder.

    Its logits equal the policy's up to the rounding of the merged weights, which are stored in the
    dtype the policy computes with. Raises EngineError if the folder holds anything already.
    """
    policy = engine.policy(name)
    if folder.exists() and any(folder.iterdir()):
        raise EngineError(f"{folder} is not empty", "name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in _BESIDE:
        for path in policy.base.folder.glob(pattern):
            if path.name not in _LEFT_OUT:
                shutil.copyfile(path, folder / path.name)
    dtype = policy.base.network.dtype
    weights = dict(policy.network.named)
    merged = merge_adapter(weights, policy.additions)
    weights |= {f"{layer}.weight": weight for layer, weight in merged.items()}
    plain = {n: w.detach().to(dtype).cpu().contiguous() for n, w in weights.items()}
    save_file(plain, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
