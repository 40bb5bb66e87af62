"""Batches of one measurement: anchors drawn a few at a time, none of them twice.

Not here: where anchors come from (the world), what they are called outside (`anchors`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ratchet.core.errors import EvaluatorError
from ratchet.core.task import Task
from ratchet.guard.anchors import AnchorKey
from ratchet.guard.messages import Draw, Score
from ratchet.worlds.protocol import Stream

Take = Callable[[np.random.Generator, int, Stream, Mapping[str, float]], list[Task]]
"""Draw this many distinct anchors of a stream by family weight; fewer if there are no more."""
_Link = tuple[int, tuple[str, ...]]


class Batches:
    """All draws of one run, each a function of the key, the request and the batches before it."""

    def __init__(self, key: AnchorKey, families: Mapping[str, float], take: Take) -> None:
        self._key = key
        self._families = families
        self._take = take
        self._chains: dict[tuple[Stream, int], tuple[_Link, ...]] = {}
        self._drawn: dict[tuple[Stream, int, tuple[_Link, ...]], list[Task]] = {}

    def get(self, request: Draw | Score) -> tuple[list[Task], bool]:
        """Return the anchors of a batch, and whether they are drawn for the first time.

        Raises EvaluatorError if a batch before it is missing or a family is not in the charter.
        """
        place = (request.stream, request.draw)
        before = self._chains.get(place, ())[: request.batch]
        if len(before) < request.batch:
            raise EvaluatorError(
                f"batch {request.batch} of a measurement that has {len(before)}",
                "draw the batches of a measurement in order, from 0",
            )
        for family in request.families:
            if family not in self._families:
                known = ", ".join(self._families)
                raise EvaluatorError(f"the charter has no family {family!r}", f"use one of {known}")
        chain = (*before, (request.n, request.families))
        self._chains[place] = chain
        new = (*place, chain) not in self._drawn
        if new:
            used = {
                task.id
                for end in range(1, len(chain))
                for task in self._drawn[(*place, chain[:end])]
            }
            self._drawn[(*place, chain)] = self._draw(request, used)
        return self._drawn[(*place, chain)], new

    def _draw(self, request: Draw | Score, used: set[str]) -> list[Task]:
        if not request.families:
            return self._fresh(request, used, self._families)
        return [
            task
            for family in request.families
            for task in self._fresh(request, used, {family: 1.0}, family)
        ]

    def _fresh(
        self, request: Draw | Score, used: set[str], weights: Mapping[str, float], family: str = ""
    ) -> list[Task]:
        """Draw ``n`` anchors that are not used yet; more are asked for only where some were."""
        asked, most = request.n, request.n + len(used)
        while True:
            rng = self._key.rng(request.stream, request.draw, request.batch, family)
            drawn = self._take(rng, asked, request.stream, weights)
            fresh = [task for task in drawn if task.id not in used]
            if len(fresh) >= request.n or asked >= most:
                break
            asked = min(2 * asked, most)
        if len(fresh) > request.n:
            fresh = [fresh[at] for at in rng.permutation(len(fresh))[: request.n]]
        return fresh
