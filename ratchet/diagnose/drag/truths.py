"""What the estimators must find in a simulated study, from its rates alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

from ratchet.diagnose.drag.similarity import levenshtein, rouge_l
from ratchet.diagnose.drag.simulate import CHANGED, RIGHT, WRONGS, Rates, expectation
from ratchet.diagnose.drag.trees import answer_distance, equivalent


def truths(rates: Rates, samples: int = 4) -> dict[str, float]:
    """Return the true value of every estimator, over problems like the simulated ones.

    ``samples`` matters where only some responses count: problems without any drop out.
    """
    kept, labelled = rates.harm(rates.detect), rates.harm(rates.labelled)
    adopt = (1.0 - rates.detect) * rates.copy
    shares = len(WRONGS)
    right_gain = expectation(lambda p: rates.after_right(p) - p)
    base = 0.5 / shares
    found = {
        "drag_1": 0.5 * (1.0 - kept),
        "drag_2": 0.5 * (1.0 - kept**2),
        "marginal_2": 0.5 * (kept - kept**2),
        "first_does_most": 0.5 * (1.0 - 2.0 * kept + kept**2),
        "relative_drag_1": 1.0 - kept,
        "benefit_right_1": right_gain,
        "recovery_label": (labelled - kept) / (1.0 - kept),
        "detected": rates.detect,
        "doubted": rates.doubt,
        "detected_drag": 0.0,
        "copy_rate": adopt + kept * base,
        "copy_base": base,
        "copy_excess": adopt + kept * base - base,
    }
    for name, distance in _DISTANCES.items():
        found[f"{name}_pull"] = _pull(rates, distance)
    found["ted_detected_only"] = 0.0
    found["ted_wrong_only"] = _wrong_only(rates, _ted, samples)
    found["ted_non_copies_only"] = _non_copies(rates, _ted, samples)
    found["rouge_ratio"] = _with_draft(rates, rouge_l) / _without(rouge_l)
    found["rouge_gain"] = _with_draft(rates, rouge_l) - _without(rouge_l)
    worth = _equal
    found["equivalence_gain"] = _with_draft(rates, worth) - _without(worth)
    return found


def chain_slope(rates: Rates, rounds: int = 6) -> float:
    """Return the true slope of accuracy by round of a chain of appended attempts."""
    middle = (rounds - 1) / 2
    weights = [(t - middle) for t in range(rounds)]
    square = sum(weight**2 for weight in weights)

    def at(p: float) -> float:
        accuracy, total = p, 0.0
        for weight in weights:
            total += weight * accuracy
            fallen = p * rates.harm(rates.detect)
            accuracy = accuracy * rates.after_right(p) + (1.0 - accuracy) * fallen
        return total / square

    return expectation(at)


Distance = Callable[[str, str], float]


def _ted(first: str, second: str) -> float:
    distance = answer_distance(first, second)
    if distance is None:
        raise ValueError(f"no expression in {first!r} or {second!r}")
    return distance


def _equal(first: str, second: str) -> float:
    return float(bool(equivalent(first, second)))


_DISTANCES: dict[str, Distance] = {
    "ted": _ted,
    "levenshtein": lambda a, b: float(levenshtein(a, b)),
}


def _means(distance: Distance) -> tuple[float, float, float, float]:
    """Return mean distance to a wrong draft of: itself, its change, the right one, other wrongs."""
    n = len(WRONGS)
    same = sum(distance(w, w) for w in WRONGS) / n
    changed = sum(distance(CHANGED[w], w) for w in WRONGS) / n
    right = sum(distance(RIGHT, w) for w in WRONGS) / n
    others = sum(distance(a, b) for a, b in permutations(WRONGS, 2)) / (n * (n - 1))
    return same, changed, right, others


def _independent(distance: Distance, p: float) -> float:
    same, _, right, others = _means(distance)
    share = 1.0 / len(WRONGS)
    return p * right + (1.0 - p) * (share * same + (1.0 - share) * others)


def _without(distance: Distance) -> float:
    return _independent(distance, 0.5)


def _with_draft(rates: Rates, distance: Distance) -> float:
    same, changed, _, _ = _means(distance)
    believed = 1.0 - rates.detect
    adopted = believed * (rates.copy * same + rates.mutate * changed)
    return adopted + rates.harm(rates.detect) * _independent(distance, 0.5)


def _pull(rates: Rates, distance: Distance) -> float:
    return _without(distance) - _with_draft(rates, distance)


def _wrong_only(rates: Rates, distance: Distance, samples: int) -> float:
    same, changed, _, others = _means(distance)
    share = 1.0 / len(WRONGS)
    wrong = share * same + (1.0 - share) * others
    copied = (1.0 - rates.detect) * rates.copy
    mutated = (1.0 - rates.detect) * rates.mutate
    kept = rates.harm(rates.detect)

    def seen(p: float) -> tuple[float, float]:
        mass = copied + mutated + kept * (1.0 - p)
        mean = (copied * same + mutated * changed + kept * (1.0 - p) * wrong) / mass
        weight = (1.0 - p**samples) * (1.0 - (1.0 - mass) ** samples)
        return weight, wrong - mean

    return _weighted(seen)


def _non_copies(rates: Rates, distance: Distance, samples: int) -> float:
    _, changed, right, others = _means(distance)
    share = 1.0 / len(WRONGS)
    mutated = (1.0 - rates.detect) * rates.mutate
    kept = rates.harm(rates.detect)

    def seen(p: float) -> tuple[float, float]:
        mass = p + (1.0 - p) * (1.0 - share)
        total = p * right + (1.0 - p) * (1.0 - share) * others
        other_mass = mutated + kept * mass
        mean = (mutated * changed + kept * total) / other_mass
        weight = (1.0 - (1.0 - mass) ** samples) * (1.0 - (1.0 - other_mass) ** samples)
        return weight, total / mass - mean

    return _weighted(seen)


def _weighted(seen: Callable[[float], tuple[float, float]]) -> float:
    """Return the mean of the second under weights of the first."""
    total = expectation(lambda p: seen(p)[0])
    return expectation(lambda p: seen(p)[0] * seen(p)[1]) / total
