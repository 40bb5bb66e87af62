"""Distinct problems by family and level, from sources that may run dry.

Not here: what a problem is and how a family makes them (each world).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Generic, Protocol, TypeVar

import numpy as np

from ratchet.worlds.apportion import check_weights, draw_by_weight
from ratchet.worlds.protocol import Stream


class Levelled(Protocol):
    """A problem with a name and a level."""

    @property
    def id(self) -> str:
        """The same for problems that count as one."""
        ...

    @property
    def level(self) -> int:
        """How hard it is."""
        ...


P = TypeVar("P", bound=Levelled)
Levels = Mapping[str, tuple[int, ...]]
"""The levels that each family offers, families in order."""


class Supply(Generic[P]):
    """Distinct problems of one source; those of another level than asked for are kept for later."""

    def __init__(self, problems: Iterator[P], misses: int) -> None:
        """Take from ``problems``; ``misses`` draws in a row without a wanted one count as dry."""
        self._problems, self._misses = problems, misses
        self._kept: list[P] = []
        self._seen: set[str] = set()

    def take(self, level: int | None, count: int) -> list[P]:
        """Return up to ``count`` further problems, of one level or of any; fewer only if dry."""
        taken: list[P] = []
        kept: list[P] = []
        for problem in self._kept:
            fits = len(taken) < count and level in (None, problem.level)
            (taken if fits else kept).append(problem)
        misses = 0
        while len(taken) < count and misses < self._misses:
            following = next(self._problems, None)
            if following is None:
                break
            misses += 1
            if following.id in self._seen:
                continue
            self._seen.add(following.id)
            if level in (None, following.level):
                taken.append(following)
                misses = 0
            else:
                kept.append(following)
        self._kept = kept
        return taken


OpenSupply = Callable[[str, Stream | None, Random], Supply[P]]
"""From a family and a side of the partition (None is open) to its supply."""


def draw_open(
    rng: np.random.Generator,
    n: int,
    level: int | None,
    family: str | None,
    offered: Levels,
    supply: OpenSupply[P],
) -> list[P]:
    """Draw ``n`` distinct open problems, spread evenly over the families that have the level.

    Raises ValueError on an unknown level or family.
    """
    if level is not None:
        check_weights({level: 1.0}, _levels(offered), "level")
    if family is not None:
        check_weights({family: 1.0}, tuple(offered), "family")
    random = _fast(rng)
    families = [f for f, levels in offered.items() if level is None or level in levels]
    families = [f for f in families if family in (None, f)]
    random.shuffle(families)
    supplies = {f: supply(f, None, random) for f in families}
    problems = draw_by_weight(
        n, dict.fromkeys(families, 1.0), lambda f, count: supplies[f].take(level, count)
    )
    random.shuffle(problems)
    return problems


def draw_reserved(
    rng: np.random.Generator,
    n: int,
    stream: Stream,
    families: Mapping[str, float],
    levels: Mapping[int, float],
    offered: Levels,
    supply: OpenSupply[P],
) -> list[P]:
    """Draw ``n`` distinct reserved problems by family weight, then by level weight in each family.

    Levels that a family lacks leave their weight to its others. Raises ValueError on an unknown
    family or level, a weight that is negative or not finite, or if all weights are 0.
    """
    check_weights(families, tuple(offered), "family")
    check_weights(levels, _levels(offered), "level")
    random = _fast(rng)
    supplies = {f: supply(f, stream, random) for f in offered if families.get(f)}

    def take(family: str, count: int) -> list[P]:
        weights = {level: levels.get(level, 0.0) for level in offered[family]}
        return draw_by_weight(count, weights, supplies[family].take)

    problems = draw_by_weight(n, {f: families[f] for f in supplies}, take)
    random.shuffle(problems)
    return problems


def _levels(offered: Levels) -> tuple[int, ...]:
    return tuple(sorted({level for levels in offered.values() for level in levels}))


def _fast(rng: np.random.Generator) -> Random:
    """Return a generator that is quick for single draws, seeded from this one."""
    return Random(int(rng.integers(2**63)))
