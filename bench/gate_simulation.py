"""Thousands of gate decisions at once, on made-up candidates whose truth is known.

The plans that read the counts are the gate's own, so what is simulated is what decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ratchet.loop.sequential_gate import SequentialGate
from ratchet.stats import Noninferiority, Reading, Standing, Superiority

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SIGNS = np.array([-1.0, 0.0, 1.0])


@dataclass(frozen=True)
class Truth:
    """What candidates are really like, one row per family."""

    values: Floats
    """Differences (V) that occur."""
    chance: Floats
    """Their probabilities (..., K, V): in all runs alike, or by run."""


def of_signs(gain: Floats | float, discordance: Floats | float, families: int = 8) -> Truth:
    """Return candidates scored 0 or 1, by mean gain and share of items that differ.

    Both are one number, (K) by family or (runs, K).
    """
    ones = np.ones(families)
    gains, differ = np.asarray(gain) * ones, np.asarray(discordance) * ones
    chance = np.stack([(differ - gains) / 2, 1 - differ, (differ + gains) / 2], axis=-1)
    return Truth(SIGNS, np.clip(chance, 0.0, 1.0))


@dataclass(frozen=True)
class GainTests:
    """Many tests of the gain, each stopped where the plan says."""

    readings: Ints
    """`Reading` by run."""
    items: Ints
    """Anchors drawn by run."""


@dataclass(frozen=True)
class Decisions:
    """Many decisions of the whole gate."""

    better: NDArray[np.bool_]
    """Whether the gain was shown."""
    worse: NDArray[np.bool_]
    """Whether harm was shown, on the whole or in a capability."""
    promoted: NDArray[np.bool_]
    """Whether every capability was then shown to be kept."""
    items: Ints
    """Anchors of the test of the gain."""
    capability_items: Ints
    """Anchors of the capabilities."""


def check_gain(plan: Superiority, truth: Truth, runs: int, rng: np.random.Generator) -> GainTests:
    """Run this many tests; anchors come from all families alike."""
    chance = np.broadcast_to(truth.chance.mean(axis=-2), (runs, truth.values.size))
    readings = np.zeros(runs, dtype=np.int64)
    items = np.zeros(runs, dtype=np.int64)
    counts = np.zeros((runs, truth.values.size))
    going, n = np.arange(runs), 0
    for look in plan.looks():
        counts[going] += rng.multinomial(look - n, chance[going])
        n = look
        read = plan.read(truth.values, counts[going])
        readings[going], items[going] = read, n
        going = going[read == Reading.OPEN]
        if not going.size:
            break
    return GainTests(readings, items)


def check_capabilities(
    plan: Noninferiority, truth: Truth, runs: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Run this many tests of all capabilities; return their standing (runs, K) and items (runs)."""
    families, size = truth.chance.shape[-2:]
    chance = np.broadcast_to(truth.chance, (runs, families, size))
    standing = np.zeros((runs, families), dtype=np.int64)
    items = np.zeros(runs, dtype=np.int64)
    counts = np.zeros((runs, families, size))
    n = 0
    while True:
        still = (standing == Standing.OPEN) & ~(standing == Standing.LOST).any(axis=1)[:, None]
        if not still.any():
            return standing, items
        step = min(plan.batch, plan.cap - n)
        n += step
        rows = still.any(axis=1)
        counts[rows] += rng.multinomial(step, chance[rows])
        items += step * still.sum(axis=1)
        standing = np.where(still, plan.read(truth.values, counts), standing)


def decide(gate: SequentialGate, truth: Truth, runs: int, rng: np.random.Generator) -> Decisions:
    """Run this many decisions of the whole gate."""
    gain = check_gain(gate.superiority, truth, runs, rng)
    better = gain.readings == Reading.BETTER
    passed = np.flatnonzero(better)
    promoted, lost = np.zeros(runs, dtype=bool), np.zeros(runs, dtype=bool)
    items = np.zeros(runs, dtype=np.int64)
    if passed.size:
        shared = truth.chance.ndim == 2
        chosen = truth if shared else Truth(truth.values, truth.chance[passed])
        standing, used = check_capabilities(gate.noninferiority, chosen, passed.size, rng)
        promoted[passed] = (standing == Standing.KEPT).all(axis=1)
        lost[passed] = (standing == Standing.LOST).any(axis=1)
        items[passed] = used
    worse = (gain.readings == Reading.WORSE) | lost
    return Decisions(better, worse, promoted, gain.items, items)


@dataclass(frozen=True)
class Courses:
    """Many runs of several generations."""

    deployed: Floats
    """True gain of the last incumbent over the first, by run."""
    made: Floats
    """True gain of the last candidate over the first incumbent, by run."""
    promotions: Ints
    """Promotions by run."""
    anchors: Ints
    """Anchors of all decisions by run."""


def follow(
    gate: SequentialGate,
    gains: Sequence[float],
    truth_of: Callable[[Floats], Truth],
    runs: int,
    rng: np.random.Generator,
) -> Courses:
    """Run through generations, each adding its gain to its branch.

    ``truth_of`` tells what candidates are like that are this far (runs) ahead of the incumbent.
    Held branches add up; a rejection starts again from the incumbent.
    """
    ahead, deployed, made = np.zeros(runs), np.zeros(runs), np.zeros(runs)
    holds, promotions, anchors = (np.zeros(runs, dtype=np.int64) for _ in range(3))
    for gain in gains:
        ahead += gain
        made = deployed + ahead
        decided = decide(gate, truth_of(ahead), runs, rng)
        promotions += decided.promoted
        anchors += decided.items + decided.capability_items
        deployed = np.where(decided.promoted, made, deployed)
        holds = np.where(decided.promoted | decided.worse, 0, holds + 1)
        back = decided.promoted | decided.worse | (holds >= gate.terms.holds)
        ahead[back] = 0
        holds[back] = 0
    return Courses(deployed, made, promotions, anchors)


def all_round(discordance: float, families: int = 8) -> Callable[[Floats], Truth]:
    """Return what candidates are like that gain in all families alike."""

    def truth(ahead: Floats) -> Truth:
        each = np.repeat(ahead[:, None], families, axis=1)
        return of_signs(each, np.maximum(discordance, each), families)

    return truth


def lopsided(swaps: float, families: int = 8) -> Callable[[Floats], Truth]:
    """Return what candidates are like that gain in half of the families.

    Items differ for the gain, and a share ``swaps`` of all items either way, in those families and
    one more; the others never change.
    """
    half = families // 2
    open_ = np.arange(families) <= half
    differ = open_ * swaps * families / (half + 1)

    def truth(ahead: Floats) -> Truth:
        each = ahead[:, None] * (np.arange(families) < half) * families / half
        return of_signs(each, each + differ, families)

    return truth


def compare_means(truth: Truth, n: int, runs: int, rng: np.random.Generator) -> Floats:
    """Return mean and standard error (2, runs) of the differences on a fixed number of anchors."""
    chance = np.broadcast_to(truth.chance.mean(axis=-2), (runs, truth.values.size))
    counts = rng.multinomial(n, chance)
    mean = counts @ truth.values / n
    error = np.sqrt(np.maximum(counts @ truth.values**2 / n - mean**2, 0.0) / n)
    return np.stack([mean, error])
