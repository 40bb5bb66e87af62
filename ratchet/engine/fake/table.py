"""A table of logits with AdamW: the weights of a tabular policy."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ratchet.engine.protocol import Optim
from ratchet.engine.reference import Array

Key = tuple[str, tuple[int, ...]]
"""Context and the actions written so far."""


@dataclass
class Table:
    """Logits and moments of the keys that training has touched; all other keys have their prior."""

    logits: dict[Key, Array] = field(default_factory=dict)
    """Key -> logits, shape [actions]."""
    first: dict[Key, Array] = field(default_factory=dict)
    """First moments."""
    second: dict[Key, Array] = field(default_factory=dict)
    """Second moments."""
    steps: int = 0
    """Optimiser steps taken."""

    def weights_only(self) -> Table:
        """Return a copy without moments."""
        return Table(copy.deepcopy(self.logits))

    def step(
        self, gradient: Mapping[Key, Array], start: Mapping[Key, Array], optim: Optim
    ) -> float:
        """Take one AdamW step (arXiv 1711.05101, algorithm 2) and return the gradient's norm.

        ``start`` has the logits of keys touched for the first time. As in a dense table, keys of
        earlier steps go on moving by their moments; keys never touched stay as they are, and no
        weight decay reaches them.
        """
        norm = float(np.sqrt(sum(float((g * g).sum()) for g in gradient.values())))
        scale = min(1.0, optim.max_grad_norm / norm) if optim.max_grad_norm > 0.0 < norm else 1.0
        for key in gradient:
            self.logits.setdefault(key, np.array(start[key], dtype=np.float64))
        self.steps += 1
        (decay1, decay2), nothing = optim.betas, np.zeros(())
        for key, logits in self.logits.items():
            g = scale * gradient.get(key, nothing)
            first = decay1 * self.first.get(key, nothing) + (1.0 - decay1) * g
            second = decay2 * self.second.get(key, nothing) + (1.0 - decay2) * g * g
            self.first[key], self.second[key] = (x + np.zeros_like(logits) for x in (first, second))
            mean = first / (1.0 - decay1**self.steps)
            spread = np.sqrt(second / (1.0 - decay2**self.steps)) + optim.eps
            kept = (1.0 - optim.lr * optim.weight_decay) * logits
            self.logits[key] = kept - optim.lr * mean / spread
        return norm
