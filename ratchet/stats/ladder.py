"""The Ladder: decisions on a finite set that is used again and again.

Not here: fresh items, which need no ladder and give more (`superiority`).
"""

from __future__ import annotations

import math


def climbs(score: float, best: float, step: float) -> bool:
    """Whether a mean score is a step or more above the best one reported so far.

    Blum and Hardt, The Ladder: a reliable leaderboard for machine learning competitions, arXiv
    1502.04585: their mechanism, for scores that rise where theirs are losses. A score that does not
    climb is not reported, and that silence is what keeps the set usable.
    Raises ValueError unless 0 < step < 1.
    """
    _check_step(step)
    return score >= best + step - 1e-12


def rung(score: float, step: float) -> float:
    """Return the score as it is reported: rounded to the nearest multiple of the step."""
    _check_step(step)
    return round(score / step) * step


def ladder_error(n: int, decisions: int, step: float, level: float = 0.95) -> float:
    """Return e such that no reported score is more than e from the truth, with this probability.

    `n` items with scores in [0, 1] were used for `decisions` candidates, each of which may depend
    on all that was reported before. A history of reports says which candidates climbed, at most
    floor(1/step) + 1 of them, and to which rungs: sum_j C(decisions, j) C(rungs, j) histories, with
    `decisions` candidates in each, are all that can ever meet the set. Hoeffding's inequality over
    them, two-sided, plus half a step for rounding: the argument of arXiv 1502.04585 for its bound
    on the leaderboard error, with the histories counted exactly. It is the worst case over any
    searcher, and wide unless n is in the thousands.
    Raises ValueError unless n and decisions are at least 1, 0 < step < 1 and 0 < level < 1.
    """
    _check_step(step)
    if n < 1 or decisions < 1 or not 0.0 < level < 1.0:
        raise ValueError(f"n={n}, decisions={decisions}, level={level}")
    rungs = math.floor(1.0 / step) + 1
    histories = sum(
        math.comb(decisions, j) * math.comb(rungs, j) for j in range(min(decisions, rungs) + 1)
    )
    met = math.log(2.0) + math.log(decisions) + math.log(histories) - math.log(1.0 - level)
    return math.sqrt(met / (2.0 * n)) + 0.5 * step


def _check_step(step: float) -> None:
    if not 0.0 < step < 1.0:
        raise ValueError(f"the step of a ladder lies strictly between 0 and 1, got {step}")
