"""Accuracy, harm, benefit, recovery, detection and copying: each a function of the observations.

Problems are the unit everywhere: samples are averaged within a problem first, two conditions are
compared on the problems that both have, and a generator for the bootstrap is passed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ratchet.diagnose.drag.measure import (
    Measure,
    difference_of,
    mean_of,
    ratio_of,
    undefined,
)
from ratchet.diagnose.drag.observations import CLEAN, Observations, Response, average
from ratchet.stats import mcnemar

WRONG = ("", "wrong_1", "wrong_2", "wrong_3", "wrong_4")
"""Names of the conditions with that many wrong drafts."""


def accuracy(seen: Observations, condition: str, rng: np.random.Generator) -> Measure:
    """Return the accuracy under a condition on the matched subset."""
    return mean_of([seen.mean(condition, p) for p in seen.problems], rng)


def loss(seen: Observations, before: str, after: str, rng: np.random.Generator) -> Measure:
    """Return accuracy before minus after, on the problems of both, with McNemar's p in the note.

    McNemar's test takes the first sample of each problem, so that its pairs are independent.
    """
    pairs = [(seen.mean(before, p), seen.mean(after, p)) for p in seen.problems]
    measure = difference_of(pairs, rng)
    lost, won = discordant(seen, before, after)
    note = f"McNemar: {lost} lost, {won} won, p = {mcnemar(lost, won, mid_p=True):.3g}"
    return replace(measure, note=measure.note or note)


def discordant(seen: Observations, before: str, after: str) -> tuple[int, int]:
    """Return how many problems were solved before and not after, and the other way round."""
    lost = won = 0
    for problem in seen.matched(before, after):
        was = seen.cell(before, problem)[0].passed
        now = seen.cell(after, problem)[0].passed
        lost, won = lost + (was and not now), won + (now and not was)
    return lost, won


def drag(seen: Observations, k: int, rng: np.random.Generator) -> Measure:
    """Return accuracy without drafts minus accuracy with k wrong ones: above 0 is harm."""
    return loss(seen, CLEAN, WRONG[k], rng)


def relative_drag(seen: Observations, k: int) -> Measure:
    """Return drag as a share of the accuracy without drafts."""
    clean = {p: seen.mean(CLEAN, p) for p in seen.problems}
    after = {p: seen.mean(WRONG[k], p) for p in seen.problems}
    return ratio_of([(_minus(clean[p], after[p]), clean[p]) for p in seen.problems])


def marginal(seen: Observations, k: int, rng: np.random.Generator) -> Measure:
    """Return what the k-th wrong draft takes: accuracy with k - 1 minus accuracy with k."""
    return loss(seen, WRONG[k - 1] or CLEAN, WRONG[k], rng)


def first_does_most(seen: Observations, rng: np.random.Generator) -> Measure:
    """Return marginal_1 minus marginal_2: above 0, the first wrong draft does more harm."""
    pairs: list[tuple[float | None, float | None]] = []
    for p in seen.problems:
        clean, one, two = (seen.mean(c, p) for c in (CLEAN, WRONG[1], WRONG[2]))
        pairs.append((_minus(clean, one), _minus(one, two)))
    return difference_of(pairs, rng, largest=3.0)


def benefit(seen: Observations, condition: str, rng: np.random.Generator) -> Measure:
    """Return accuracy under a condition minus accuracy without drafts: above 0 is help."""
    return loss(seen, condition, CLEAN, rng)


def recovery(seen: Observations, mitigation: str, harmed: str = WRONG[1]) -> Measure:
    """Return the share of the drag that a mitigation takes back.

    (mitigated - harmed) / (clean - harmed), with Fieller's interval; no value where the drag is not
    above 0. 1 is all of it, below 0 the mitigation does harm of its own.
    """
    pairs: list[tuple[float | None, float | None]] = []
    for p in seen.problems:
        clean, low, high = (seen.mean(c, p) for c in (CLEAN, harmed, mitigation))
        pairs.append((_minus(high, low), _minus(clean, low)))
    measure = ratio_of(pairs)
    return replace(measure, note="the drag is not above 0") if measure.value is None else measure


def verdicts(seen: Observations, condition: str, rng: np.random.Generator) -> dict[str, Measure]:
    """Return the confusion of what the model says of drafts with what they are.

    Keys: ``detected`` (says wrong of wrong ones), ``believed`` (right of wrong ones), ``doubted``
    (wrong of right ones), ``trusted`` (right of right ones), ``silent`` (says neither). Conditions
    with one draft, or with drafts of one kind, make sense here.
    """
    kinds = {"detected": (False, False), "believed": (False, True)}
    kinds |= {"doubted": (True, False), "trusted": (True, True)}
    table = {}
    for name, (right, says) in kinds.items():
        values = [
            average(
                float(r.verdict is says)
                for r in seen.cell(condition, p)
                if r.verdict is not None and _truth(seen, r) is right
            )
            for p in seen.problems
        ]
        table[name] = mean_of(values, rng)
    silent = [seen.mean(condition, p, lambda r: float(r.verdict is None)) for p in seen.problems]
    table["silent"] = mean_of(silent, rng)
    return table


def detected_drag(seen: Observations, condition: str, rng: np.random.Generator) -> Measure:
    """Return what is lost although the model itself said that the draft is wrong.

    Accuracy without drafts minus accuracy of the finished responses with that verdict, on the
    problems that have one.
    """
    pairs = [
        (seen.mean(CLEAN, p), seen.mean(condition, p, lambda r: _passed_if_detected(r)))
        for p in seen.problems
    ]
    return difference_of(pairs, rng)


def copying(seen: Observations, condition: str, rng: np.random.Generator) -> Mapping[str, Measure]:
    """Return how often a draft's answer comes back, and how often it comes without the draft.

    ``rate``: responses with the answer of a draft they saw. ``base``: clean responses with one of
    those answers. ``excess``: rate minus base, problem by problem. Drafts without a readable answer
    cannot be copied and do not count.
    """
    rates, bases = [], []
    for p in seen.problems:
        answers = [_answers(seen, r) for r in seen.cell(condition, p)]
        clean = seen.cell(CLEAN, p)
        shown = [given for given in answers if given]
        rates.append(seen.mean(condition, p, lambda r: _copies(seen, r)))
        bases.append(average(float(r.answer in given) for given in shown for r in clean))
    return {
        "rate": mean_of(rates, rng),
        "base": mean_of(bases, rng),
        "excess": difference_of(list(zip(rates, bases, strict=True)), rng),
    }


def costs(seen: Observations, condition: str, rng: np.random.Generator) -> dict[str, Measure]:
    """Return tokens read and written, seconds, and the share cut off, by response."""
    values = {
        "prompt_tokens": lambda r: float(r.prompt_tokens),
        "tokens": lambda r: float(r.tokens),
        "seconds": lambda r: r.seconds,
        "truncated": lambda r: float(r.truncated),
    }
    found = {}
    for name, value in values.items():
        by_problem = [seen.mean(condition, p, value) for p in seen.problems]
        largest = max([1.0, *(v for v in by_problem if v is not None)])
        found[name] = mean_of(by_problem, rng, largest)
    return found


def size_trend(by_size: Mapping[int, Mapping[str, float]], rng: np.random.Generator) -> Measure:
    """Return the slope of a measurement over the binary logarithm of the model's size.

    ``by_size`` holds, for each number of weights, the measurement by problem, within [-1, 1]. The
    slope is fitted for each problem that all sizes have, and averaged. Above 0: larger models do
    more of it. Two sizes are the least.
    """
    if len(by_size) < 2:
        return undefined("a trend needs two sizes")
    sizes = sorted(by_size)
    common = set.intersection(*(set(by_size[size]) for size in sizes))
    everywhere = set().union(*(by_size[size] for size in sizes))
    if not common:
        return undefined("no problem was measured at all sizes", skipped=len(everywhere))
    x = np.log2(np.array(sizes, dtype=np.float64))
    x -= x.mean()
    weights = x / float(np.sum(x**2))
    slopes = [
        float(sum(w * by_size[s][p] for w, s in zip(weights, sizes, strict=True)))
        for p in sorted(common)
    ]
    largest = float(np.abs(weights).sum())
    pairs: list[tuple[float | None, float | None]] = [(slope, 0.0) for slope in slopes]
    measure = difference_of(pairs, rng, largest)
    return replace(measure, skipped=len(everywhere) - len(common))


def _minus(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def _truth(seen: Observations, response: Response) -> bool | None:
    """Return whether the drafts seen are all right or all wrong; None if mixed or none."""
    kinds = {draft.right for draft in seen.shown(response)}
    return kinds.pop() if len(kinds) == 1 else None


def _passed_if_detected(response: Response) -> float | None:
    counts = response.verdict is False and not response.truncated
    return float(response.passed) if counts else None


def _answers(seen: Observations, response: Response) -> set[str]:
    return {draft.answer for draft in seen.shown(response)} - {""}


def _copies(seen: Observations, response: Response) -> float | None:
    answers = _answers(seen, response)
    return float(response.answer in answers) if answers else None
