"""Which versions stay on the disk.

Whole: the initial state, the incumbent, the working branch, and a candidate that waits for a
person. Older promoted states lose their optimiser's moments; what was never promoted loses all.
"""

from __future__ import annotations

from ratchet.core.state import Component, State
from ratchet.loop.policies import MOMENTS
from ratchet.loop.position import Position


def needed(position: Position) -> list[Component]:
    """Return every component whose files stay."""
    components = [c for state in _whole(position) for c in state.values()]
    for state in position.promoted.values():
        components += [c for c in state.values() if c.kind != MOMENTS]
    return components


def pruned(position: Position) -> list[str]:
    """Return the hashes of all moments that promoted states lost for good, sorted."""
    kept = {c.hash for c in needed(position)}
    every = {c.hash for state in position.promoted.values() for c in state.values()}
    return sorted(every - kept)


def _whole(position: Position) -> list[State]:
    waits = [position.pending] if position.pending else []
    return [position.initial, position.incumbent, position.branch, *waits]
