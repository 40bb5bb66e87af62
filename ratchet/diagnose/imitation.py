"""The reward gap of self-imitation: how far a policy still is from what it imitates.

Self-play fine-tuning is a game against a reward r = scale * log(pi / pi_t) (arXiv 2602.01357). The
gap E_target[r] - E_own[r] goes to 0 as the policy reaches its target, and with it what a round can
teach; a reward without bound is the instability to watch. The ceiling is the target: data, or what
the verifier lets pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ratchet.stats import Summary, shift


@dataclass(frozen=True)
class ImitationGap:
    """Where a round of self-imitation stands."""

    gap: float
    """E_target[r] - E_own[r]."""
    low: float
    """Lower end of its 95% interval, pairs as units."""
    largest: float
    """Largest |r|."""
    bounded: bool
    """Whether no |r| is above the bound that was given."""


def measure_gap(rewards: Sequence[tuple[float, float]], bound: float) -> ImitationGap:
    """Return the gap of pairs of rewards, target's and own. Raises ValueError without pairs."""
    if not rewards:
        raise ValueError("a gap needs pairs of rewards")
    gaps = Summary.of([target - own for target, own in rewards])
    largest = max(abs(reward) for pair in rewards for reward in pair)
    low = shift(gaps, Summary(gaps.n, 0.0, 0.0), 0.95).low if gaps.n > 1 else gaps.mean
    mean = fmean(target - own for target, own in rewards)
    return ImitationGap(mean, low, largest, largest <= bound)
