"""The ratchet: a gate with one error budget for the whole life of a run.

Each decision is one test of the candidate against the incumbent on fresh anchors, so that gains of
several generations add up while the branch is held. Not here: the tests themselves
(`ratchet.stats`), their terms (the charter), finite sets (`ladder_gate`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.core.evidence import Decision, Ending, Evidence, Scores, Verb
from ratchet.core.findings import Finding
from ratchet.core.seeds import Seed
from ratchet.guard.terms import GateTerms
from ratchet.loop.gate import Draw, History, decide_early, differences, in_points
from ratchet.stats import (
    Interval,
    Noninferiority,
    Reading,
    Standing,
    Superiority,
    anytime_interval,
    log_e_value,
    noninferiority_power,
    tally,
)

_POWER_RUNS = 400


@dataclass(frozen=True)
class SequentialGate:
    """Superiority by a betting e-process, then non-inferiority of every capability.

    Four errors are bounded, whatever the candidates: over the whole run, that a candidate without a
    true gain passes the first test (``alpha``, shared evenly among ``tests``); per decision, that
    one passes which lost the margin in some capability (``capability_alpha``), and that one is
    rejected for either kind of harm without having it (``harm``). A finding that asks for it
    rejects or halts before anything is drawn, and then no test is spent.
    """

    terms: GateTerms
    """From the charter."""
    families: tuple[str, ...]
    """The capabilities, as families of anchors."""

    @property
    def superiority(self) -> Superiority:
        """Plan of one decision's test of the gain."""
        t = self.terms
        return Superiority(t.alpha / t.tests, t.harm, t.first, t.batch, t.ordinary, t.cap)

    @property
    def noninferiority(self) -> Noninferiority:
        """Plan of one decision's test of every capability."""
        t = self.terms
        return Noninferiority(
            t.margin, t.capability_alpha, t.harm, t.capability_batch, t.capability_cap
        )

    def decide(
        self, draw: Draw, findings: Sequence[Finding], history: History, seed: Seed
    ) -> tuple[Decision, Evidence]:
        """See the class."""
        if early := decide_early(findings, history, self.terms.tests):
            return early, Evidence("gate", Scores(()), Scores(()))
        left = self.terms.tests - history.tests - 1
        reading, evidence = self._test_gain(draw)
        changes = differences(evidence.candidate, evidence.incumbent)
        gain = anytime_interval(changes)
        measures = self._measures(gain, changes)
        shown = f"{in_points(gain)} on {gain.n} anchors, {self._odds(changes)}"
        verb, ends = Verb.HOLD, None
        if reading is Reading.WORSE:
            verb, why = Verb.REJECT, f"worse than the incumbent: {shown}"
        elif reading is Reading.BETTER:
            verb, said = self._test_capabilities(draw, evidence, seed, measures)
            why = f"better than the incumbent: {shown}; {said}"
            if verb is Verb.PROMOTE and gain.mean > self.terms.jump:
                verb, ends = Verb.HALT, Ending.NEEDS_APPROVAL
                why += f"; a gain above {_points(self.terms.jump)} needs approval"
        else:
            why = f"not yet shown to be better: {shown}"
        if verb is Verb.HOLD and history.holds + 1 >= self.terms.holds:
            verb, why = Verb.REJECT, f"{history.holds + 1} holds in a row; {why}"
        reason = f"{why}; test {history.tests + 1} of {self.terms.tests}"
        measures["anchors"] = measures["items"] + measures.get("capability_items", 0.0)
        measures["tests_left"] = float(left)
        if ends is None and left == 0:
            ends = Ending.BUDGET_SPENT
        return Decision(verb, reason, measures, tests=1, ends=ends), evidence

    def _test_gain(self, draw: Draw) -> tuple[Reading, Evidence]:
        """Draw anchors of the charter's mix until the test of the gain has an answer."""
        plan, drawn = self.superiority, Evidence("gate", Scores(()), Scores(()))
        for n in plan.looks():
            asked = n - len(drawn.candidate)
            further = draw(asked)
            drawn = _join(drawn, further)
            reading = Reading(int(plan.read(*tally(_differences(drawn)))))
            if reading is not Reading.OPEN:
                return reading, drawn
            if len(further.candidate) < asked:
                break
        return Reading.UNSURE, drawn

    def _test_capabilities(
        self, draw: Draw, evidence: Evidence, seed: Seed, measures: dict[str, float]
    ) -> tuple[Verb, str]:
        """Draw anchors of every capability, none of them drawn before, until each has an answer.

        A capability whose anchors run dry first is known exactly: the mean over all of them, with
        those that the test of the gain had drawn.
        """
        plan = self.noninferiority
        changes: dict[str, list[float]] = {family: [] for family in self.families}
        standing = dict.fromkeys(self.families, Standing.OPEN)
        while still := [f for f in self.families if standing[f] is Standing.OPEN]:
            size = min(plan.batch, plan.cap - max(len(changes[f]) for f in still))
            further = draw(size, still)
            for item, change in zip(further.candidate.items, _differences(further), strict=True):
                changes[item.family].append(change)
            read = self._read(plan, changes)
            came = [item.family for item in further.candidate.items]
            for family in still:
                standing[family] = read[family]
                if read[family] is Standing.OPEN and came.count(family) < size:
                    every = [*_of_family(evidence, family), *changes[family]]
                    kept = bool(every) and float(np.mean(every)) > -plan.margin
                    standing[family] = Standing.KEPT if kept else Standing.UNSHOWN
            if Standing.LOST in standing.values():
                break
        return self._judge(plan, changes, standing, seed, measures)

    def _read(self, plan: Noninferiority, changes: dict[str, list[float]]) -> dict[str, Standing]:
        values, _ = tally([0.0, *(change for each in changes.values() for change in each)])
        counts = [[each.count(value) for value in values] for each in changes.values()]
        return dict(zip(changes, map(Standing, plan.read(values, counts).tolist()), strict=True))

    def _judge(
        self,
        plan: Noninferiority,
        changes: dict[str, list[float]],
        standing: dict[str, Standing],
        seed: Seed,
        measures: dict[str, float],
    ) -> tuple[Verb, str]:
        """Turn the capabilities' standing into a verb and a clause, and note their numbers."""
        # A share of items that differ is never taken as 0 on few items.
        spread = [(float(np.square(c).sum()) + 0.5) / (len(c) + 1) for c in changes.values()]
        power = noninferiority_power(plan, spread, rng=seed.child("power").rng(), runs=_POWER_RUNS)
        items = sum(len(each) for each in changes.values())
        by = {s: [f for f, at in standing.items() if at is s] for s in Standing}
        measures.update(
            capability_items=float(items),
            capabilities=float(len(standing)),
            capabilities_kept=float(len(by[Standing.KEPT])),
            capability_power=power,
        )
        for family, each in changes.items():
            measures[f"capability.{family}.items"] = float(len(each))
            if each:
                measures[f"capability.{family}.change"] = float(np.mean(each))
        margin = _points(plan.margin)
        on = (
            f"on {items} anchors of their own, where a candidate that lost nothing passes with "
            f"probability {power:.2f}"
        )
        if lost := by[Standing.LOST]:
            return Verb.REJECT, f"but {', '.join(lost)} lost more than {margin}, {on}"
        if unshown := by[Standing.UNSHOWN]:
            return Verb.HOLD, f"but {', '.join(unshown)} may have lost {margin}, {on}"
        return Verb.PROMOTE, f"none of {len(standing)} capabilities lost {margin}, {on}"

    def _measures(self, gain: Interval, changes: list[float]) -> dict[str, float]:
        return {
            "gain": gain.mean,
            "low": gain.low,
            "high": gain.high,
            "items": float(gain.n),
            "log_e": log_e_value(changes),
            "log_e_needed": -math.log(self.superiority.alpha),
            "log_e_harm": log_e_value(-np.asarray(changes)),
            "log_e_harm_needed": -math.log(self.terms.harm),
        }

    def _odds(self, changes: list[float]) -> str:
        odds = math.exp(min(log_e_value(changes), 700.0))
        return f"evidence {odds:.3g} of {1.0 / self.superiority.alpha:.3g} needed"


def _join(first: Evidence, second: Evidence) -> Evidence:
    return Evidence(
        second.stream,
        Scores(first.candidate.items + second.candidate.items),
        Scores(first.incumbent.items + second.incumbent.items),
    )


def _differences(evidence: Evidence) -> list[float]:
    return differences(evidence.candidate, evidence.incumbent)


def _of_family(evidence: Evidence, family: str) -> list[float]:
    pairs = zip(evidence.candidate.items, _differences(evidence), strict=True)
    return [change for item, change in pairs if item.family == family]


def _points(share: float) -> str:
    return f"{100 * share:g} points"
