"""Liveness: every mechanism proves that it works, or the run is invalid.

``live``: its effect was observed. ``dormant``: its trigger never occurred, and the planted trigger
fired at start. ``dead``: the planted trigger did not fire, or the trigger occurred and never had an
effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from ratchet.core.state import State
from ratchet.loop.recipe import Mechanism, Probe


class Liveness(StrEnum):
    """The three states of a mechanism."""

    LIVE = "live"
    DORMANT = "dormant"
    DEAD = "dead"


class Tally:
    """Counts, per mechanism, how often its trigger occurred and how often it had its effect."""

    def __init__(self) -> None:
        self.counts: dict[str, list[int]] = {}

    def observe(self, mechanism: str, effect: bool) -> None:
        """Count one occurrence."""
        counts = self.counts.setdefault(mechanism, [0, 0])
        counts[0] += 1
        counts[1] += effect

    def add(self, counts: Mapping[str, Sequence[int]]) -> None:
        """Add the counts of another generation."""
        for name, (occurred, effective) in counts.items():
            mine = self.counts.setdefault(name, [0, 0])
            mine[0] += occurred
            mine[1] += effective


def plant(
    mechanisms: Sequence[Mechanism], probes: Sequence[Probe], state: State
) -> dict[str, bool]:
    """Send every planted trigger through the real wiring; True where its effect was seen."""
    fired = {mechanism.name: mechanism.plant() for mechanism in mechanisms}
    for probe in probes:
        fired[probe.name] = probe.measure(probe.planted(), state) is not None
    return fired


def judge(planted: Mapping[str, bool], tally: Tally) -> dict[str, Liveness]:
    """Return the state of every mechanism; one that was never planted is dead."""
    states = {}
    for name in sorted({*planted, *tally.counts}):
        occurred, effective = tally.counts.get(name, [0, 0])
        if not planted.get(name, False) or (occurred and not effective):
            states[name] = Liveness.DEAD
        else:
            states[name] = Liveness.LIVE if effective else Liveness.DORMANT
    return states
