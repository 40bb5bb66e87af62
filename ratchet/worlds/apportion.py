"""Sharing out a number of items by weights, also when some sources run dry."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


def check_weights(weights: Mapping[K, float], known: tuple[K, ...], what: str) -> None:
    """Raise ValueError unless every key is known and the weights are finite, >= 0 and not all 0."""
    for key, weight in weights.items():
        if key not in known:
            raise ValueError(f"unknown {what} {key!r}: one of {', '.join(map(str, known))}")
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"the weight of {what} {key!r} must be finite and >= 0, not {weight}")
    if not any(weights.values()):
        raise ValueError(f"no {what} has a weight above 0")


def apportion(n: int, weights: Mapping[K, float]) -> dict[K, int]:
    """Split ``n`` by largest remainder; equal remainders go to the earlier key. Sums to ``n``."""
    total = sum(weights.values())
    exact = {key: n * weight / total for key, weight in weights.items()}
    shares = {key: math.floor(share) for key, share in exact.items()}
    by_remainder = sorted(weights, key=lambda key: shares[key] - exact[key])
    for key in by_remainder[: n - sum(shares.values())]:
        shares[key] += 1
    return shares


def draw_by_weight(
    n: int, weights: Mapping[K, float], take: Callable[[K, int], list[T]]
) -> list[T]:
    """Draw ``n`` items from sources by weight.

    ``take(key, count)`` gives up to ``count`` further items of a source. A source that gives fewer
    is dry; what it lacks is apportioned among the others. Fewer than ``n`` only if all are dry.
    """
    live = {key: weight for key, weight in weights.items() if weight > 0}
    drawn: list[T] = []
    while live and len(drawn) < n:
        for key, count in apportion(n - len(drawn), live).items():
            items = take(key, count) if count else []
            drawn += items
            if len(items) < count:
                del live[key]
    return drawn
