"""From one number per run to a verdict on a claim: a pure function, looks taken in order.

At each look the effect is the mean over seeds (for two arms, of the differences paired by seed)
with Student's t interval at level 1 - 0.05/looks. Where that interval lies is the verdict, with
``s`` the smallest effect of interest:

    treatment > control, > 0, order, flip           treatment not > bound (s is the bound)
      inside (-s, s)        no effect                 wholly above 0              fails
      wholly above 0        holds                     wholly below the bound      holds
      wholly below 0        fails                     anything else               inconclusive
      anything else         inconclusive

``treatment not < control`` asks for non-inferiority by ``s``: it holds wholly above -s, fails
wholly below 0 and is inconclusive elsewhere.

An order is judged pair by pair of neighbours, a flip by its two pairs, the second turned round; the
worst word counts. Two arms that end in the very same state under every seed were no experiment:
what they differ in never acted, and the verdict is "not testable at this tier". The first row that
fits decides, and the first look that is not inconclusive ends the test. Over all looks together
"holds" is wrong with a chance of at most 0.025, and so is each other verdict: a one-sided error at
0.05/looks/2 a look, added up (Bonferroni). One interval serves superiority and equivalence, which
makes the latter stricter than two one-sided tests at 0.05/looks need it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from statistics import NormalDist
from typing import Literal

import numpy as np

from ratchet.claims.claim import Claim
from ratchet.stats import Interval, paired_bootstrap, seed_interval

ALPHA = 0.05
Word = Literal["holds", "fails", "no effect", "inconclusive", "not testable at this tier"]
_GRAVITY: Sequence[Word] = ("fails", "no effect", "inconclusive", "holds")


@dataclass(frozen=True)
class Reading:
    """The metric of one run."""

    value: float
    """As it stands in the report."""
    half_width: float = 0.0
    """Half of its 95% interval over items; 0 where the report gives none."""
    items: int = 0
    """Number of items behind it; 0 where the report gives none."""
    state: str = ""
    """Hash of the state that the run ended in; empty where there is none."""


@dataclass(frozen=True)
class Look:
    """One look at the data; for ``order`` and ``flip`` the pair that decides."""

    seeds: int
    """Seeds in it, per arm."""
    effect: float
    """Mean over seeds."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end."""
    word: Word
    """What this look says."""
    same: int = 0
    """Seeds under which the two arms compared ended in the very same state."""


@dataclass(frozen=True)
class ClaimVerdict:
    """What was found."""

    word: Word
    """The verdict."""
    reason: str
    """One sentence with the numbers in it."""
    looks: tuple[Look, ...] = ()
    """Those taken, in order; the last decides."""


def judge(
    claim: Claim,
    readings: Mapping[str, Mapping[int, Reading]],
    *,
    looks: int,
    missing: Mapping[str, str] | None = None,
) -> ClaimVerdict:
    """Return the verdict after at most ``looks`` looks.

    ``readings`` holds one reading by arm and seed (from 1). A run that a look needs and that is not
    there makes the claim inconclusive; ``missing`` says why, by run name (``arm-seed3``).
    """
    taken: list[Look] = []
    level = 1.0 - ALPHA / len(claim.seeds)
    for count in claim.seeds[:looks]:
        wanted = [(arm, seed) for arm in claim.arms for seed in range(1, count + 1)]
        lost = [run_name(a, s) for a, s in wanted if s not in readings.get(a, {})]
        if lost:
            told = "; ".join(f"{name}: {(missing or {}).get(name, 'no run')}" for name in lost)
            return ClaimVerdict("inconclusive", f"runs are missing: {told}", tuple(taken))
        arms = [[readings[arm][seed] for seed in range(1, count + 1)] for arm in claim.arms]
        taken.append(_look(claim, arms, level))
        if taken[-1].word != "inconclusive":
            break
    if not taken:
        return ClaimVerdict("inconclusive", "not looked at yet")
    if taken[-1].same == taken[-1].seeds:
        why = (
            f"what the arms differ in never acted: one state under each of {taken[-1].seeds} seeds"
        )
        return ClaimVerdict("not testable at this tier", why, tuple(taken))
    return ClaimVerdict(taken[-1].word, _reason(claim, taken[-1]), tuple(taken))


def run_name(arm: str, seed: int) -> str:
    """Return the name of a run."""
    return f"{arm}-seed{seed}"


def _look(claim: Claim, arms: Sequence[Sequence[Reading]], level: float) -> Look:
    if len(arms) == 1:
        return _place(claim, _interval(arms[0], level))
    compared = [arms[:2], arms[:1:-1]] if claim.comparison == "flip" else pairwise(arms)
    pairs = [
        replace(_place(claim, _interval(_minus(a, b, claim.share), level)), same=_count_same(a, b))
        for a, b in compared
    ]
    return min(pairs, key=lambda look: (_GRAVITY.index(look.word), look.effect))


def _count_same(treatment: Sequence[Reading], control: Sequence[Reading]) -> int:
    """Return under how many seeds what the arms differ in made no difference at all."""
    return sum(a.state == b.state != "" for a, b in zip(treatment, control, strict=True))


def _place(claim: Claim, found: Interval) -> Look:
    smallest = claim.smallest_effect
    word: Word = "inconclusive"
    if claim.comparison == "treatment not > bound":
        if found.low > 0:
            word = "fails"
        elif found.high < smallest:
            word = "holds"
    elif claim.comparison == "treatment not < control":
        if found.low > -smallest:
            word = "holds"
        elif found.high < 0:
            word = "fails"
    elif found.inside(-smallest, smallest):
        word = "no effect"
    elif found.low > 0:
        word = "holds"
    elif found.high < 0:
        word = "fails"
    return Look(found.n, found.mean, found.low, found.high, word)


def _minus(treatment: Sequence[Reading], control: Sequence[Reading], share: float) -> list[Reading]:
    """Return the differences by seed. Arms share their seed's items, so equal scores are taken for
    equal answers, and then the number of items alone says how small a difference could hide."""
    return [
        Reading(
            a.value - share * b.value,
            _agreeing(a.items)
            if share == 1.0 and a.value == b.value and a.items
            else math.hypot(a.half_width, share * b.half_width),
        )
        for a, b in zip(treatment, control, strict=True)
    ]


@cache
def _agreeing(items: int) -> float:
    """Return the 95% half-width where so many paired items all agree; no draw is made."""
    return paired_bootstrap(np.zeros(items), rng=np.random.default_rng(0)).high


def _interval(readings: Sequence[Reading], level: float) -> Interval:
    """Return Student's t interval; where all seeds agree to the digit, that over a run's items.

    No spread over seeds would give no width, however few items each run measured.
    """
    found = seed_interval([reading.value for reading in readings], level)
    if found.width > 1e-12:
        return found
    wider = NormalDist().inv_cdf(0.5 + level / 2) / NormalDist().inv_cdf(0.975)
    half = wider * max(reading.half_width for reading in readings)
    return Interval(found.mean, found.mean - half, found.mean + half, found.n)


def _reason(claim: Claim, look: Look) -> str:
    smallest = f"{claim.smallest_effect:g}"
    said = f"{look.effect:+.3f} [{look.low:+.3f}, {look.high:+.3f}] over {look.seeds} seeds"
    control = claim.comparison == "treatment not > bound"
    harmless = claim.comparison == "treatment not < control"
    above = f"no worse by {smallest}" if harmless else "above 0"
    why: Mapping[Word, str] = {
        "holds": f"below the bound of {smallest}" if control else above,
        "fails": "above 0" if control else "below 0",
        "no effect": f"smaller than {smallest}, the smallest effect of interest, either way",
        "inconclusive": "the interval leaves it open",
    }
    same = f"; the very same state under {look.same} of them" if look.same else ""
    return f"{said}: {why[look.word]}{same}"
