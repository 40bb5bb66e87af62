"""Epiplexity S and MDL: how many bits of structure an observer of limited size finds in texts.

Liu et al., "Self-Play Only Evolves When Self-Synthetic Pipeline Ensures Learnable Information Gain"
(arXiv 2603.02218), algorithm 1. What is trivial is learned in few bits, and so is what looks like
noise to this observer; what it can learn costs most. Not to be confused with C_t
(`information_gain`), which is surprise relative to the last round.

It depends on the order of the texts, on the observer and its step size: hold them fixed. The
authors say that S does not replace accuracy on tasks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Observer(Protocol):
    """A model that learns from texts, fresh at the start."""

    def loss(self, texts: Sequence[str]) -> float:
        """Return the total negative log-likelihood of the texts, in nats."""
        ...

    def update(self, texts: Sequence[str]) -> None:
        """Take one step on these texts."""
        ...


@dataclass(frozen=True)
class Epiplexity:
    """What an observer found, at the epoch with the smallest MDL."""

    bits: float
    """S = (loss on each batch before its step, added up, - loss on all of them after) / ln 2."""
    mdl: float
    """S / N + validation loss / ln 2 / N_validation, in bits a text."""
    epoch: int
    """The epoch, from 1."""


def measure_epiplexity(
    observer: Observer,
    train: Sequence[str],
    validation: Sequence[str],
    *,
    batch: int = 32,
    epochs: int = 8,
) -> Epiplexity:
    """Train the observer and return S and MDL. Raises ValueError where there is no text or epoch.

    The first pass goes over the texts in their order; so do the later ones.
    """
    if not train or not validation or batch < 1 or epochs < 1:
        raise ValueError("epiplexity needs texts to train on and to validate by, and an epoch")
    batches = [train[i : i + batch] for i in range(0, len(train), batch)]
    online = 0.0
    found: list[Epiplexity] = []
    for epoch in range(1, epochs + 1):
        for texts in batches:
            online += observer.loss(texts) if epoch == 1 else 0.0
            observer.update(texts)
        bits = (online - observer.loss(train)) / math.log(2.0)
        checked = observer.loss(validation) / math.log(2.0) / len(validation)
        found.append(Epiplexity(bits, bits / len(train) + checked, epoch))
    return min(found, key=lambda one: one.mdl)
