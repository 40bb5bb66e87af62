"""A simulation: the solver's rates are known, and every interval must find them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from ratchet.core.seeds import Seed
from ratchet.diagnose.drag.curves import chain_curves, slope
from ratchet.diagnose.drag.estimates import (
    benefit,
    copying,
    detected_drag,
    drag,
    first_does_most,
    marginal,
    recovery,
    relative_drag,
    verdicts,
)
from ratchet.diagnose.drag.inheritance import (
    DISTANCES,
    Kept,
    equivalence_gain,
    pull,
    rouge_gain,
    rouge_ratio,
)
from ratchet.diagnose.drag.measure import Measure
from ratchet.diagnose.drag.simulate import Rates, simulate, simulate_chains
from ratchet.diagnose.drag.truths import chain_slope, truths

RATES = Rates()


def estimates(rng: np.random.Generator) -> dict[str, Measure]:
    seen = simulate(RATES, rng)
    copied = copying(seen, "wrong_1", rng)
    found = {
        "drag_1": drag(seen, 1, rng),
        "drag_2": drag(seen, 2, rng),
        "marginal_2": marginal(seen, 2, rng),
        "first_does_most": first_does_most(seen, rng),
        "relative_drag_1": relative_drag(seen, 1),
        "benefit_right_1": benefit(seen, "right_1", rng),
        "recovery_label": recovery(seen, "labelled"),
        "detected": verdicts(seen, "wrong_1", rng)["detected"],
        "doubted": verdicts(seen, "right_1", rng)["doubted"],
        "detected_drag": detected_drag(seen, "wrong_1", rng),
        "copy_rate": copied["rate"],
        "copy_base": copied["base"],
        "copy_excess": copied["excess"],
        "ted_pull": pull(seen, "wrong_1", rng),
        "levenshtein_pull": pull(seen, "wrong_1", rng, *DISTANCES["levenshtein"][:1]),
        "rouge_ratio": rouge_ratio(seen, "wrong_1"),
        "rouge_gain": rouge_gain(seen, "wrong_1", rng),
        "equivalence_gain": equivalence_gain(seen, "wrong_1", rng),
    }
    for kept in (Kept.WRONG, Kept.DETECTED, Kept.NO_COPIES):
        found[f"ted_{kept}"] = pull(seen, "wrong_1", rng, kept=kept)
    chains, _ = simulate_chains(RATES, rng)
    found["chain_slope"] = slope(chain_curves(chains), rng)
    return found


def true_values() -> dict[str, float]:
    return truths(RATES) | {"chain_slope": chain_slope(RATES)}


def studies(count: int) -> Iterator[dict[str, Measure]]:
    return (estimates(Seed(7).child("study", i).rng()) for i in range(count))


def covered(count: int) -> dict[str, float]:
    values, hits = true_values(), Counter[str]()
    for found in studies(count):
        assert set(found) == set(values)
        for name, measure in found.items():
            assert measure.low is not None and measure.high is not None, name
            hits[name] += measure.low <= values[name] <= measure.high
    return {name: hits[name] / count for name in values}


def test_estimates_lie_around_the_truth() -> None:
    values = true_values()
    found = list(studies(12))
    for name, value in values.items():
        points = [point for f in found if (point := f[name].value) is not None]
        assert len(points) == len(found), name
        error = np.std(points, ddof=1) / np.sqrt(len(points))
        assert abs(np.mean(points) - value) < 4.5 * error + 1e-9, (name, np.mean(points), value)


@pytest.mark.slow
def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    shares = covered(1000)
    outside = {name: share for name, share in shares.items() if not 0.93 <= share <= 0.97}
    assert not outside
