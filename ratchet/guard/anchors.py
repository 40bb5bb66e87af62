"""The anchor key: which anchors a draw holds, and what they are called outside.

Used by the evaluator process alone. The key follows from the charter and the seed, so it keeps
anchors from the loop's own code paths; it is no secret against a hostile process of the same user.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from ratchet.worlds.protocol import Stream


@dataclass(frozen=True)
class AnchorKey:
    """Decides draws and names of one run."""

    key: bytes = field(repr=False)
    """32 bytes."""

    @classmethod
    def derive(cls, fixed_hash: str, seed: int) -> AnchorKey:
        """Return the key of a run, from the charter's hash without the budget."""
        text = "\x1f".join((fixed_hash, str(seed), "anchors"))
        return cls(hashlib.blake2b(text.encode(), digest_size=32).digest())

    def rng(
        self, stream: Stream, draw: int, batch: int = 0, family: str = ""
    ) -> np.random.Generator:
        """Return the generator of a draw: a function of the key and what is passed alone."""
        parts = ["draw", stream, str(draw)]
        if batch or family:
            parts += [str(batch), family]
        return np.random.default_rng(int.from_bytes(self._digest(*parts), "big"))

    def conceal(self, task_id: str) -> str:
        """Return the opaque id of an anchor: equal within a run, meaningless outside it."""
        return self._digest("item", task_id).hex()

    def _digest(self, *parts: str) -> bytes:
        text = "\x1f".join(parts)
        return hashlib.blake2b(text.encode(), key=self.key, digest_size=16).digest()
