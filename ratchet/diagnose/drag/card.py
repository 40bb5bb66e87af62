"""All measurements of a study, one key each: what ``--json`` prints and the card shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.diagnose.drag.conditions import CONDITIONS
from ratchet.diagnose.drag.curves import (
    accuracy_by_round,
    chain_curves,
    distance_by_round,
    repeats_by_round,
    restart_curves,
    slope,
    slope_difference,
    vote_curves,
)
from ratchet.diagnose.drag.estimates import (
    accuracy,
    benefit,
    copying,
    costs,
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
    readable,
    rouge_gain,
    rouge_ratio,
)
from ratchet.diagnose.drag.measure import Measure, difference_of, mean_of
from ratchet.diagnose.drag.observations import CLEAN, Observations
from ratchet.diagnose.drag.study import Findings

Rng = Callable[[], np.random.Generator]


@dataclass(frozen=True)
class Card:
    """One model on one world."""

    model: str
    """Name of the model."""
    world: str
    """Name of the world."""
    measures: Mapping[str, Measure]
    """Every measurement by its key."""
    skips: Mapping[str, int]
    """Candidate problems that are not in the subset, by reason."""
    samples: Mapping[str, int]
    """Responses by condition."""
    seed: int
    """Root of all draws."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What else the numbers hang on, such as level and temperature, in words."""


def fill_card(
    found: Findings, model: str, world: str, seed: int, settings: Mapping[str, str] | None = None
) -> Card:
    """Return every measurement that the study's conditions allow."""
    seen = found.seen
    root, used = Seed(seed).child("card"), iter(range(10**9))

    def rng() -> np.random.Generator:
        return root.child(next(used)).rng()

    have = [name for name in CONDITIONS if name in seen.by_condition]
    measures = {
        "accuracy_all": mean_of([float(np.mean(v)) for v in found.candidates.values()], rng())
    }
    for name in have:
        measures[f"accuracy_{name}"] = accuracy(seen, name, rng())
        for what, measure in costs(seen, name, rng()).items():
            measures[f"{what}_{name}"] = measure
    measures |= _harm(seen, have, rng)
    measures |= _detection(seen, have, rng)
    measures |= _inheritance(seen, have, rng)
    if found.chains:
        measures |= _iterated(found, rng)
    counts = {n: sum(map(len, seen.by_condition[n].values())) for n in have}
    return Card(model, world, measures, seen.skips, counts, seed, settings or {})


def _harm(seen: Observations, have: Sequence[str], rng: Rng) -> dict[str, Measure]:
    """Drag, marginal drag, benefit, recovery and the ablations."""
    found: dict[str, Measure] = {}
    for k in range(1, 5):
        if f"wrong_{k}" in have:
            found[f"drag_{k}"] = drag(seen, k, rng())
            found[f"relative_drag_{k}"] = relative_drag(seen, k)
            if k == 1 or f"wrong_{k - 1}" in have:
                found[f"marginal_{k}"] = marginal(seen, k, rng())
    if "wrong_2" in have and "wrong_1" in have:
        found["first_does_most"] = first_does_most(seen, rng())
    for name in ("right_1", "right_2", "mixed"):
        if name in have:
            found[f"benefit_{name}"] = benefit(seen, name, rng())
    if "wrong_1" not in have:
        return found
    for name in ("labelled", "excluded", "restart"):
        if name in have:
            found[f"recovery_{name}"] = recovery(seen, name)
    if {"labelled", "excluded"} <= set(have):
        pairs = [(seen.mean("labelled", p), seen.mean("excluded", p)) for p in seen.problems]
        found["label_beyond_exclusion"] = difference_of(pairs, rng())
    for name in ("foreign", "shuffled", "prefix", "other_model", "synthetic"):
        if name in have:
            pairs = [(seen.mean(CLEAN, p), seen.mean(name, p)) for p in seen.problems]
            found[f"drag_{name}"] = difference_of(pairs, rng())
    for name in ("draft_first", "no_verify", "foreign", "shuffled"):
        if name in have:
            pairs = [(seen.mean(name, p), seen.mean("wrong_1", p)) for p in seen.problems]
            found[f"{name}_minus_wrong_1"] = difference_of(pairs, rng())
    return found


def _detection(seen: Observations, have: Sequence[str], rng: Rng) -> dict[str, Measure]:
    """Verdicts and what is lost in spite of a right one; copying."""
    found: dict[str, Measure] = {}
    if "wrong_1" in have:
        table = verdicts(seen, "wrong_1", rng())
        found |= {f"verdict_{k}": table[k] for k in ("detected", "believed", "silent")}
        found["detected_drag"] = detected_drag(seen, "wrong_1", rng())
    if "right_1" in have:
        table = verdicts(seen, "right_1", rng())
        found |= {f"verdict_{k}": table[k] for k in ("doubted", "trusted")}
    for name in ("wrong_1", "wrong_2", "labelled", "excluded", "no_verify", "synthetic"):
        if name in have:
            end = "" if name == "wrong_1" else f"_{name}"
            copied = copying(seen, name, rng())
            found |= {f"copy_{what}{end}": measure for what, measure in copied.items()}
    return found


def _inheritance(seen: Observations, have: Sequence[str], rng: Rng) -> dict[str, Measure]:
    """Similarity with the draft: texts for every world, trees where answers are expressions."""
    found: dict[str, Measure] = {}
    if "wrong_1" not in have:
        return found
    for kept in (Kept.ALL, Kept.WRONG):
        end = "" if kept is Kept.ALL else f"_{kept}"
        found[f"rouge_ratio{end}"] = rouge_ratio(seen, "wrong_1", kept)
        found[f"rouge_gain{end}"] = rouge_gain(seen, "wrong_1", rng(), kept)
    expressions, responses = readable(seen, CLEAN)
    trees = expressions > responses / 2
    for name, (distance, largest) in DISTANCES.items():
        if name.startswith("ted") and not trees:
            continue
        for kept in Kept:
            measure = pull(seen, "wrong_1", rng(), distance, kept, largest)
            found[f"{name}_pull_{kept}"] = measure
    if trees:
        found["equivalence_gain"] = equivalence_gain(seen, "wrong_1", rng())
    if "foreign" in have:
        distance, largest = DISTANCES["ted" if trees else "levenshtein"]
        found["pull_foreign"] = replace(
            pull(seen, "foreign", rng(), distance, Kept.ALL, largest),
            note="towards another problem's draft: the control of the pull",
        )
    return found


def _iterated(found: Findings, rng: Rng) -> dict[str, Measure]:
    """Curves by round against a vote and fresh restarts at equal tokens."""
    chains, measures = found.chains, dict[str, Measure]()
    for name, curve in (
        ("round_accuracy", accuracy_by_round(chains, rng())),
        ("round_repeat", repeats_by_round(chains, rng())),
        ("round_distance", distance_by_round(chains, rng())),
    ):
        start = 1 if name == "round_repeat" else 0
        measures |= {f"{name}_{t}": measure for t, measure in enumerate(curve, start)}
    append, vote = chain_curves(chains), vote_curves(chains, found.fresh)
    restart = restart_curves(chains, found.fresh)
    for name, curves in (("vote", vote), ("restart", restart)):
        columns = zip(*curves.values(), strict=True)
        for t, column in enumerate(columns):
            measures[f"{name}_accuracy_{t}"] = mean_of(list(column), rng())
    measures["slope_append"] = slope(append, rng())
    measures["slope_vote"] = slope(vote, rng())
    measures["slope_append_minus_vote"] = slope_difference(append, vote, rng())
    measures["slope_append_minus_restart"] = slope_difference(append, restart, rng())
    return measures
