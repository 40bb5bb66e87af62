"""Small models that know Countdown: made once for each size and seed, kept in the model cache.

    python -m ratchet.recipes.contextual_drag.weights --size middle --seed 1

The name of a model is a hash of all that made it, so every run of that size and seed finds the
same one, and other settings make another. Nobody waits for a run: whoever needs it first makes it.
"""

from __future__ import annotations

import argparse
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ratchet.core.codec import hash_data, to_data
from ratchet.core.seeds import Seed
from ratchet.engine.models.folder import cache_folder, find_damage, write_folder
from ratchet.recipes.contextual_drag.warm import SHOWN, documents
from ratchet.recipes.tiny_model.tokenizer import EOS_ID, create_tokenizer
from ratchet.recipes.tiny_model.train import SHAPE, Batch, Fit, fit, save_model

PREFIX = "countdown-"
"""What the names of these models begin with, in settings and in the cache."""
WIDTHS = {"small": 64, "middle": 96, "large": 128}
"""Width by size: 0.27, 0.60 and 1.06 million weights."""


@dataclass(frozen=True)
class Warm(Fit):
    """How a model learns Countdown."""

    steps: int = 1_400
    """Optimiser steps."""
    rows: int = 4
    """Sequences a step."""
    matrix_lr: float = 0.01
    """Peak learning rate of Muon: at 0.02 half as many problems are solved, at 0.04 hardly any."""
    length: int = 256
    """Tokens in a sequence."""
    threads: int = 1
    """Threads of torch; another number gives slightly other weights."""
    families: tuple[str, ...] = ("two",)
    """Families of the problems."""
    pool: int = 4_000
    """Distinct problems a family, or as many as it has."""
    reliability: float = 0.7
    """Share of right drafts: at 0.7, leaning on them is rational."""


def shape_of(size: str) -> dict[str, Any]:
    """Return the content of config.json of a size."""
    width = WIDTHS[size]
    return {**SHAPE, "hidden_size": width, "intermediate_size": 4 * width}


def find_base(model: str, seed: int, warm: Warm) -> str:
    """Return what an engine starts from: a small model by its cached name, any other as it is."""
    size = model.removeprefix(PREFIX)
    return prepare(size, seed, warm) if model.startswith(PREFIX) and size in WIDTHS else model


def prepare(size: str, seed: int, warm: Warm) -> str:
    """Return the name by which engines find the model of a size and seed; make it if need be.

    Several processes may ask at once: one makes it, the others wait. A kill leaves nothing behind.
    """
    made_of = {"shape": shape_of(size), "warm": to_data(warm), "shown": SHOWN, "seed": seed}
    name = f"{PREFIX}{size}-{hash_data(made_of)[:12]}"
    home = cache_folder() / name
    if find_damage(home) is None:
        return name
    with _alone(home):
        if find_damage(home) is not None:
            write_folder(home, name, lambda folder: _make(folder, size, seed, warm))
    return name


def _make(folder: Path, size: str, seed: int, warm: Warm) -> None:
    root, shape = Seed(seed).child("countdown", size), shape_of(size)
    trained = fit(shape, warm, batches(warm, root.child("text")), root)
    save_model(folder, trained.model, shape)


def batches(warm: Warm, seed: Seed) -> Iterator[Batch]:
    """Yield rows of documents; what is to be replied counts fully, what comes before it little."""
    texts = documents(warm.families, warm.pool, warm.reliability, seed)
    tokenizer, size = create_tokenizer(), warm.length + 1
    while True:
        rows, weights = [], []
        for _ in range(warm.rows):
            row: list[int] = []
            weight: list[float] = []
            while len(row) < size:
                for text, worth in zip(next(texts), (warm.question_weight, 1.0), strict=True):
                    ids = tokenizer.encode(text).ids
                    row += ids
                    weight += [worth] * len(ids)
                row.append(EOS_ID)
                weight.append(1.0)
            rows.append(row[:size])
            weights.append(weight[1:size])
        yield torch.tensor(rows), torch.tensor(weights)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Be the only process that makes this model; others wait."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_name(f".{home.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Make one model and print its name."""
    parser = argparse.ArgumentParser(description="Make a small model that knows Countdown.")
    parser.add_argument("--size", choices=tuple(WIDTHS), required=True)
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    print(prepare(given.size, given.seed, Warm()))


if __name__ == "__main__":
    main()
