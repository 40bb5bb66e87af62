"""Iterated retries: accuracy round by round, against a vote and fresh starts at equal tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.diagnose.drag.inheritance import Distance
from ratchet.diagnose.drag.measure import LARGEST_DISTANCE, Measure, difference_of, mean_of
from ratchet.diagnose.drag.observations import Response, average
from ratchet.diagnose.drag.trees import answer_distance


@dataclass(frozen=True)
class Chain:
    """One problem tried again and again, each round with the draft of the round before."""

    problem: str
    """Id of the task."""
    rounds: tuple[Response, ...]
    """The responses in order; the first is clean."""


def accuracy_by_round(chains: Sequence[Chain], rng: np.random.Generator) -> list[Measure]:
    """Return the accuracy of every round over problems; chains are of one length."""
    return _each_round(chains, rng, lambda rounds, t: float(rounds[t].passed))


def repeats_by_round(chains: Sequence[Chain], rng: np.random.Generator) -> list[Measure]:
    """Return how often a round repeats the answer of the round before; from the second round."""

    def repeats(rounds: Sequence[Response], t: int) -> float | None:
        return float(rounds[t].answer == rounds[t - 1].answer != "") if t else None

    return _each_round(chains, rng, repeats)[1:]


def distance_by_round(
    chains: Sequence[Chain], rng: np.random.Generator, distance: Distance = answer_distance
) -> list[Measure]:
    """Return the distance of every round's answer to the first round's."""

    def apart(rounds: Sequence[Response], t: int) -> float | None:
        return distance(rounds[t].answer, rounds[0].answer)

    return _each_round(chains, rng, apart, LARGEST_DISTANCE)


def slope(curves: Mapping[str, Sequence[float]], rng: np.random.Generator) -> Measure:
    """Return the mean least-squares slope of accuracy by round, over problems."""
    slopes: list[tuple[float | None, float | None]] = []
    largest = 1.0
    for curve in curves.values():
        t = np.arange(len(curve), dtype=np.float64)
        t -= t.mean()
        weights = t / float(np.sum(t**2))
        largest = max(largest, float(np.abs(weights).sum()))
        slopes.append((float(weights @ np.asarray(curve, dtype=np.float64)), 0.0))
    return difference_of(slopes, rng, largest)


def slope_difference(
    first: Mapping[str, Sequence[float]],
    second: Mapping[str, Sequence[float]],
    rng: np.random.Generator,
) -> Measure:
    """Return the slope of the first minus the second, on the problems of both."""
    common = [problem for problem in first if problem in second]
    apart = {p: list(np.subtract(first[p], second[p])) for p in common}
    return slope(apart, rng)


def chain_curves(chains: Sequence[Chain]) -> dict[str, Sequence[float]]:
    """Return accuracy by round for every problem, averaged over its chains."""
    return _by_problem(chains, lambda c: [float(r.passed) for r in c.rounds])


def vote_curves(
    chains: Sequence[Chain], fresh: Mapping[str, Sequence[Response]]
) -> dict[str, Sequence[float]]:
    """Return by round the accuracy of a majority vote over fresh samples for the chain's tokens.

    ``fresh`` holds independent clean samples by problem, in a fixed order. At each round as many of
    them vote as the tokens spent by the chain so far pay for, read and written, but at least one.
    The earliest of equally frequent answers wins; samples without an answer do not vote.
    """
    return _by_problem(chains, lambda c: _voted(c, fresh.get(c.problem, ())), fresh)


def restart_curves(
    chains: Sequence[Chain], fresh: Mapping[str, Sequence[Response]]
) -> dict[str, Sequence[float]]:
    """Return by round whether the last fresh sample that the chain's tokens pay for is right.

    Like the chain, a restart hands in its latest attempt: nobody tells either when to stop.
    """
    return _by_problem(chains, lambda c: _restarted(c, fresh.get(c.problem, ())), fresh)


def affordable(chain: Chain, fresh: Sequence[Response]) -> list[int]:
    """Return for every round the number of fresh samples within the tokens spent, at least 1."""
    counts, spent, paid, count = [], 0, 0, 0
    for response in chain.rounds:
        spent += _tokens(response)
        while count < len(fresh) and (count == 0 or paid + _tokens(fresh[count]) <= spent):
            paid += _tokens(fresh[count])
            count += 1
        counts.append(count)
    return counts


def majority(responses: Sequence[Response]) -> Response | None:
    """Return the first response with the most frequent answer, or None if there is no answer."""
    votes = Counter(r.answer for r in responses if r.answer)
    if not votes:
        return None
    most = max(votes.values())
    return next(r for r in responses if votes.get(r.answer, 0) == most)


def _voted(chain: Chain, fresh: Sequence[Response]) -> list[float]:
    winners = [majority(fresh[:count]) for count in affordable(chain, fresh)]
    return [float(winner is not None and winner.passed) for winner in winners]


def _restarted(chain: Chain, fresh: Sequence[Response]) -> list[float]:
    return [float(fresh[count - 1].passed) for count in affordable(chain, fresh)]


def _tokens(response: Response) -> int:
    return response.prompt_tokens + response.tokens


def _rounds(chains: Sequence[Chain]) -> range:
    lengths = {len(chain.rounds) for chain in chains}
    if len(lengths) != 1:
        raise ValueError(f"chains are of one length, got {sorted(lengths)}")
    return range(lengths.pop())


def _by_problem(
    chains: Sequence[Chain],
    curve: Callable[[Chain], list[float]],
    within: Mapping[str, Sequence[Response]] | None = None,
) -> dict[str, Sequence[float]]:
    _rounds(chains)
    curves: dict[str, list[list[float]]] = {}
    for chain in chains:
        if within is None or within.get(chain.problem):
            curves.setdefault(chain.problem, []).append(curve(chain))
    return {problem: list(np.mean(rows, axis=0)) for problem, rows in curves.items()}


def _each_round(
    chains: Sequence[Chain],
    rng: np.random.Generator,
    value: Callable[[Sequence[Response], int], float | None],
    largest: float = 1.0,
) -> list[Measure]:
    found = []
    for t in _rounds(chains):
        by_problem: dict[str, list[float | None]] = {}
        for chain in chains:
            by_problem.setdefault(chain.problem, []).append(value(chain.rounds, t))
        found.append(mean_of([average(v) for v in by_problem.values()], rng, largest))
    return found
