"""Do answers take over the shape of a draft: similarity with it, and without having seen it.

A clean response is somewhat like any draft of its own problem, since both name the same numbers, so
what counts is the difference. And a right answer lies far from a wrong draft, so the same is asked
of wrong answers alone, of answers given after the error was noticed, and of answers that are no
plain copy.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from ratchet.diagnose.drag.measure import LARGEST_DISTANCE, Measure, difference_of, ratio_of
from ratchet.diagnose.drag.observations import CLEAN, Draft, Observations, Response, average
from ratchet.diagnose.drag.similarity import levenshtein, rouge_l, same_text
from ratchet.diagnose.drag.trees import (
    answer_distance,
    equivalent,
    read_tree,
    relative_distance,
)

Distance = Callable[[str, str], float | None]
"""From two texts to a number; None if one of them cannot be compared."""


class Kept(StrEnum):
    """Which responses a comparison looks at."""

    ALL = "pooled"
    """Every response."""
    WRONG = "wrong_only"
    """Wrong answers, with and without the draft."""
    DETECTED = "detected_only"
    """With the draft: those that said it is wrong. Without: every response."""
    NO_COPIES = "non_copies_only"
    """Answers that are not the draft's, with and without it."""


def pull(
    seen: Observations,
    condition: str,
    rng: np.random.Generator,
    distance: Distance = answer_distance,
    kept: Kept = Kept.ALL,
    largest: float = LARGEST_DISTANCE,
) -> Measure:
    """Return mean distance to the draft without having seen it, minus with it: above 0 is pull.

    By draft, then by problem, then over problems. ``distance`` of whole texts is given the texts;
    answers are compared by what stands in ``Response.answer`` where that is not empty.
    """
    return difference_of(_sides(seen, condition, distance, kept), rng, largest)


def rouge_ratio(seen: Observations, condition: str, kept: Kept = Kept.ALL) -> Measure:
    """Return ROUGE-L with the draft seen over ROUGE-L without: above 1 is inheritance."""
    sides = _sides(seen, condition, rouge_l, kept)
    return ratio_of([(with_draft, clean) for clean, with_draft in sides])


def rouge_gain(
    seen: Observations, condition: str, rng: np.random.Generator, kept: Kept = Kept.ALL
) -> Measure:
    """Return ROUGE-L with the draft seen minus without."""
    sides = _sides(seen, condition, rouge_l, kept)
    return difference_of([(with_draft, clean) for clean, with_draft in sides], rng)


def equivalence_gain(seen: Observations, condition: str, rng: np.random.Generator) -> Measure:
    """Return the share of answers worth the draft's value, with the draft minus without."""
    sides = _sides(seen, condition, lambda a, b: _number(equivalent(a, b)), Kept.ALL)
    return difference_of([(with_draft, clean) for clean, with_draft in sides], rng)


DISTANCES: dict[str, tuple[Distance, float]] = {
    "ted": (answer_distance, LARGEST_DISTANCE),
    "ted_sorted": (lambda a, b: answer_distance(a, b, sort=True), LARGEST_DISTANCE),
    "ted_relative": (relative_distance, 1.0),
    "levenshtein": (lambda a, b: min(float(levenshtein(a, b)), LARGEST_DISTANCE), LARGEST_DISTANCE),
}
"""The distances between answers, and the most that a mean of each can be."""


def readable(seen: Observations, condition: str) -> tuple[int, int]:
    """Return how many of a condition's responses hold an expression, and how many there are."""
    found = [r for cell in seen.by_condition.get(condition, {}).values() for r in cell]
    return sum(read_tree(_answer(r)) is not None for r in found), len(found)


def distances(
    seen: Observations, condition: str, distance: Distance = answer_distance
) -> tuple[list[float], list[float]]:
    """Return all distances to drafts without and with having seen them, for a picture."""
    clean, with_draft = [], []
    for problem in seen.problems:
        for draft in _drafts(seen, condition, problem):
            rows = seen.cell(CLEAN, problem), seen.cell(condition, problem)
            clean += [d for r in rows[0] if (d := _to(distance, r, draft)) is not None]
            seers = [r for r in rows[1] if draft.id in r.drafts]
            with_draft += [d for r in seers if (d := _to(distance, r, draft)) is not None]
    return clean, with_draft


def _sides(
    seen: Observations, condition: str, distance: Distance, kept: Kept
) -> list[tuple[float | None, float | None]]:
    """Return for each problem the mean distance to its drafts, unseen and seen."""
    sides = []
    for problem in seen.problems:
        unseen, with_draft = [], []
        for draft in _drafts(seen, condition, problem):
            clean = [r for r in seen.cell(CLEAN, problem) if _keeps(kept, r, draft, False)]
            seers = [
                r
                for r in seen.cell(condition, problem)
                if draft.id in r.drafts and _keeps(kept, r, draft, True)
            ]
            unseen.append(average(_to(distance, r, draft) for r in clean))
            with_draft.append(average(_to(distance, r, draft) for r in seers))
        sides.append((average(unseen), average(with_draft)))
    return sides


def _drafts(seen: Observations, condition: str, problem: str) -> list[Draft]:
    names = dict.fromkeys(d for r in seen.cell(condition, problem) for d in r.drafts)
    return [seen.drafts[name] for name in names]


def _keeps(kept: Kept, response: Response, draft: Draft, saw: bool) -> bool:
    match kept:
        case Kept.ALL:
            return True
        case Kept.WRONG:
            return not response.passed
        case Kept.DETECTED:
            return response.verdict is False if saw else True
        case Kept.NO_COPIES:
            return not same_text(_answer(response), draft.answer or draft.text)


def _to(distance: Distance, response: Response, draft: Draft) -> float | None:
    return distance(_answer(response), draft.answer or draft.text)


def _answer(response: Response) -> str:
    return response.answer or response.text


def _number(holds: bool | None) -> float | None:
    return None if holds is None else float(holds)
