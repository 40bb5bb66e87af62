"""What a challenger earns in the game of Language Self-Play (arXiv 2509.07414).

The challenger wants the solver to fail: it is paid -V, V the mean reward of the solver's attempts
at its query. That is highest for a query that nobody can answer, so LSP adds a quality of query
and answers, V_Q; LSP-Zero does not. With R + w R_Q on one side and -V + w V_Q on the other the game
is no longer zero-sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Stake:
    """One query and what came of it."""

    value: float
    """V in [0, 1]: mean reward by the verifier; 0 for what has no right answer."""
    quality: float = 0.0
    """V_Q in [0, 1]: mean quality of the query with each of its answers; 0 where none is judged."""


@dataclass(frozen=True)
class Stakes:
    """Rewards of a step's queries."""

    rewards: tuple[float, ...]
    """-V + weight * V_Q, one a query."""
    changed: dict[str, tuple[bool, bool]]
    """For ``reward.value`` and ``reward.quality``: whether queries differ in it, and whether some
    advantage would be another without it."""


def pay_challenger(stakes: Sequence[Stake], weight: float) -> Stakes:
    """Pay the queries of one step."""
    values = [-stake.value for stake in stakes]
    qualities = [weight * stake.quality for stake in stakes]
    rewards = tuple(v + q for v, q in zip(values, qualities, strict=True))
    changed = {"reward.value": (_differ(values), _centred(rewards) != _centred(qualities))}
    if weight:
        changed["reward.quality"] = (_differ(qualities), _centred(rewards) != _centred(values))
    return Stakes(rewards, changed)


def _differ(numbers: Sequence[float]) -> bool:
    return max(numbers, default=0.0) > min(numbers, default=0.0)


def _centred(numbers: Sequence[float]) -> list[float]:
    mean = sum(numbers) / max(1, len(numbers))
    return [round(number - mean, 9) for number in numbers]
