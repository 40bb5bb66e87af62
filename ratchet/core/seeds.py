"""The seed tree: every random draw comes from a named child of one seed.

A child is a function of its path alone, so adding, removing or reordering draws elsewhere never
changes it, and no generator state has to be stored.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seed:
    """A node of the seed tree."""

    root: int
    """The run's seed."""
    path: tuple[str, ...] = ()
    """Names from the root to this node."""

    def child(self, *names: str | int) -> Seed:
        """Return the descendant with these names, e.g. ``seed.child(3, "solve")``."""
        return Seed(self.root, self.path + tuple(_tag(name) for name in names))

    def integer(self) -> int:
        """Return this node's number, uniform in [0, 2**63)."""
        return int.from_bytes(self._digest()[:8], "big") >> 1

    def rng(self) -> np.random.Generator:
        """Return a fresh generator; two calls on one node give the same stream."""
        return np.random.default_rng(int.from_bytes(self._digest(), "big"))

    def _digest(self) -> bytes:
        text = "\x1f".join((str(self.root), *self.path))
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _tag(name: str | int) -> str:
    """Keep ``1`` and ``"1"`` apart, and the separator out of names."""
    if isinstance(name, int):
        return f"#{name}"
    if "\x1f" in name or name.startswith("#"):
        raise ValueError(
            f"a seed name may not contain the unit separator or start with '#': {name!r}"
        )
    return name
