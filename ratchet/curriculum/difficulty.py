"""What a proposal is paid for its difficulty: functions of the solver's pass rate, and what k
attempts make of them.

A pass rate is never known: k attempts give c / k, so a reward f(p) is paid as f(c / k), with c
binomial(k, p). Its moments are exact sums:

    E[f] = sum_c C(k, c) p^c (1 - p)^(k - c) f(c / k)        Var[f] = E[f^2] - E[f]^2

For learnability E = (1 - 1/k) 4p(1 - p): it is paid too little by a share of 1/k. A band that
holds none of 0, 1/k, ..., 1 is never met, whatever p is (see `reachable`).

A new reward is a function here and its line in ``DIFFICULTIES``; recipes take it by that name.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb

Difficulty = Callable[[float], float]
"""From a pass rate in [0, 1] to a reward in [0, 1]."""


def uncertainty(pass_rate: float) -> float:
    """Return 1 - 2|p - 1/2|: 1 at p = 1/2, 0 at p = 0 and p = 1. Agent0, R-Zero (arXiv
    2508.05004)."""
    return 1.0 - 2.0 * abs(pass_rate - 0.5)


def learnability(pass_rate: float) -> float:
    """Return 4p(1 - p), the variance of a pass scaled to 1 at p = 1/2: SFL (arXiv 2408.15099)."""
    return 4.0 * pass_rate * (1.0 - pass_rate)


def band(pass_rate: float, low: float = 0.3, high: float = 0.8) -> float:
    """Return 1 for p in [low, high], ends included, else 0: Agent0's filter as a reward."""
    return float(low <= pass_rate <= high)


def lesser_share(pass_rate: float) -> float:
    """Return min(p, 1 - p), at most 1/2: what the released code of Agent0 and R-Zero pays."""
    return min(pass_rate, 1.0 - pass_rate)


def failure(pass_rate: float) -> float:
    """Return 1 - p, and 0 at p = 0: Absolute Zero (arXiv 2505.03335), equation 4. It is highest for
    what is hardly ever solved."""
    return 1.0 - pass_rate if pass_rate > 0.0 else 0.0


DIFFICULTIES: dict[str, Difficulty] = {
    "uncertainty": uncertainty,
    "learnability": learnability,
    "band": band,
    "lesser_share": lesser_share,
    "failure": failure,
}
"""Those that a recipe's ``difficulty`` may name."""


def expected(reward: Difficulty, pass_rate: float, k: int) -> float:
    """Return the mean of a reward that is paid by k attempts, where the true rate is given."""
    return sum(chance * reward(c / k) for c, chance in enumerate(_chances(pass_rate, k)))


def variance(reward: Difficulty, pass_rate: float, k: int) -> float:
    """Return the variance of a reward that is paid by k attempts."""
    mean = expected(reward, pass_rate, k)
    squares = (chance * reward(c / k) ** 2 for c, chance in enumerate(_chances(pass_rate, k)))
    return max(0.0, sum(squares) - mean**2)


def reachable(low: float, high: float, k: int) -> list[float]:
    """Return the pass rates c / k that lie in [low, high]; empty: such a band is never met."""
    return [c / k for c in range(k + 1) if low <= c / k <= high]


def _chances(pass_rate: float, k: int) -> list[float]:
    """Return the chance of each count of passes. Raises ValueError on a bad rate or count."""
    if not 0.0 <= pass_rate <= 1.0 or k < 1:
        raise ValueError(f"need a pass rate in [0, 1] and k >= 1, got {pass_rate} and {k}")
    return [comb(k, c) * pass_rate**c * (1.0 - pass_rate) ** (k - c) for c in range(k + 1)]


def describe_moments() -> str:
    """Return a table of what each reward is paid on average, with its standard deviation."""
    rates, counts = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0), (4, 8, 10)
    lines = [
        "| reward | k | " + " | ".join(f"p = {p:g}" for p in rates) + " |",
        "|---|---|" + "---|" * len(rates),
    ]
    for name, reward in DIFFICULTIES.items():
        exact = " | ".join(f"{reward(p):.2f}" for p in rates)
        lines.append(f"| {name} | exact | {exact} |")
        for k in counts:
            cells = [
                f"{expected(reward, p, k):.2f} ± {variance(reward, p, k) ** 0.5:.2f}" for p in rates
            ]
            lines.append(f"| | {k} | {' | '.join(cells)} |")
    lines += ["", "| band | " + " | ".join(f"k = {k}" for k in counts) + " |", "|---|---|---|---|"]
    for low, high in ((0.3, 0.8), (0.25, 0.75), (0.4, 0.6), (0.3, 0.45)):
        met = [", ".join(f"{p:g}" for p in reachable(low, high, k)) or "never" for k in counts]
        lines.append(f"| {low:g} to {high:g} | {' | '.join(met)} |")
    return "\n".join(lines) + "\n"
