"""How fast noisy verdicts teach: the exact drift of a bandit, and a simulation beside it.

Let b be the mass on wrong answers, TPR and FPR the chances that a right and a wrong one pass,
J = TPR - FPR, and m = (1 - b) TPR + b FPR the share that passes. Advantages are standardised, as in
GRPO. Under natural policy gradient with step eta

    db/dt = -eta J b (1 - b) / sqrt(m (1 - m))

because the mean advantage of right answers less that of wrong ones is J over the deviation, and the
gradient's own factor b (1 - b) is what the natural gradient divides by. Plain gradient on a softmax
has that factor once more (`simulation.teach_under_noise`): the sign is the same, the pace is not.
That J decides the sign is arXiv 2601.04411; the formula is derived here.
"""

from __future__ import annotations

import math

import numpy as np

from ratchet.core.seeds import Seed

START = 0.7
"""Mass on wrong answers at first."""


def drift(bad: float, tpr: float, fpr: float) -> float:
    """Return db/dt at eta = 1; 0 where all pass or none. Raises ValueError out of [0, 1]."""
    if not all(0.0 <= x <= 1.0 for x in (bad, tpr, fpr)):
        raise ValueError(f"need shares in [0, 1], got {bad}, {tpr} and {fpr}")
    passing = (1.0 - bad) * tpr + bad * fpr
    spread = math.sqrt(max(0.0, passing * (1.0 - passing)))
    return -(tpr - fpr) * bad * (1.0 - bad) / spread if spread else 0.0


def follow_drift(j: float, time: float, steps: int = 4000) -> float:
    """Return the share of right answers after a time, by the formula; TPR and FPR as in
    `teach_naturally`. Taken in the log-odds, where the formula has no factor b (1 - b)."""
    tpr, fpr = (1.0 + j) / 2.0, (1.0 - j) / 2.0
    odds = math.log((1.0 - START) / START)
    for _ in range(steps):
        bad = 1.0 / (1.0 + math.exp(odds))
        odds -= time / steps * drift(bad, tpr, fpr) / max(bad * (1.0 - bad), 1e-12)
        odds = min(odds, 30.0)
    return 1.0 / (1.0 + math.exp(-odds))


def teach_naturally(j: float, seed: Seed, time: float, steps: int = 400, group: int = 64) -> float:
    """Return the share of right answers after natural policy gradient on sampled verdicts.

    TPR = (1 + j) / 2 and FPR = (1 - j) / 2; groups are standardised by their own deviation.
    """
    rng, odds = seed.rng(), math.log((1.0 - START) / START)
    for _ in range(steps):
        right = 1.0 / (1.0 + math.exp(-odds))
        drawn = rng.random(group) < right
        passed = (rng.random(group) < np.where(drawn, (1.0 + j) / 2.0, (1.0 - j) / 2.0)) * 1.0
        if passed.std() > 0.0:
            advantage = (passed - passed.mean()) / passed.std()
            score = (drawn - right) / max(right * (1.0 - right), 1e-3)
            odds += time / steps * float((advantage * score).mean())
        odds = min(30.0, max(-30.0, odds))
    return 1.0 / (1.0 + math.exp(-odds))
