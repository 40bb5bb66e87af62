"""Made-up anchors for gates: differences by family, every item new, every request kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ratchet.core.evidence import Evidence, ItemScore, Scores

FAMILIES = tuple(f"f{n}" for n in range(8))
Law = Callable[[str, int], float]
"""Difference of the n-th item of a family: candidate minus incumbent."""


def at_random(gains: Mapping[str, float], differ: float, seed: int) -> Law:
    """Return differences of -1, 0 and 1 with these means."""
    rng = np.random.default_rng(seed)

    def law(family: str, number: int) -> float:
        gain = gains[family]
        chance = [(differ - gain) / 2, 1 - differ, (differ + gain) / 2]
        return float(rng.choice([-1.0, 0.0, 1.0], p=chance))

    return law


def alike(gain: float) -> dict[str, float]:
    """Return one gain for every family."""
    return dict.fromkeys(FAMILIES, gain)


class Source:
    """A `Draw` on made-up anchors; ``supply`` limits the items of a family."""

    def __init__(self, law: Law, supply: Mapping[str, int] | None = None) -> None:
        self.asked: list[tuple[int, tuple[str, ...]]] = []
        self.given: list[str] = []
        self._law = law
        self._left = dict(supply or {})
        self._count = dict.fromkeys(FAMILIES, 0)

    def __call__(self, n: int, families: Sequence[str] = ()) -> Evidence:
        self.asked.append((n, tuple(families)))
        wanted = [f for f in families for _ in range(n)] or self._mix(n)
        ours, theirs = [], []
        for family in wanted:
            if self._left.get(family, 1) < 1:
                continue
            if family in self._left:
                self._left[family] -= 1
            number = self._count[family]
            self._count[family] += 1
            item, change = f"{family}-{number}", self._law(family, number)
            self.given.append(item)
            ours.append(ItemScore(item, family, max(change, 0.0), True))
            theirs.append(ItemScore(item, family, max(-change, 0.0), True))
        return Evidence("gate", Scores(tuple(ours)), Scores(tuple(theirs)))

    def _mix(self, n: int) -> list[str]:
        """Take families in turn, so far as they have items."""
        first = sum(self._count.values())
        live = [f for f in FAMILIES if self._left.get(f, 1) > 0]
        return [live[(first + at) % len(live)] for at in range(n)] if live else []
