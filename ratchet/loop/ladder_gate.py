"""The gate for a finite set of anchors that every decision uses again: the Ladder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.core.evidence import Decision, Ending, Evidence, Scores, Verb
from ratchet.core.findings import Finding
from ratchet.core.seeds import Seed
from ratchet.guard.terms import GateTerms
from ratchet.loop.gate import Draw, History, decide_early
from ratchet.stats import climbs, ladder_error, rung


@dataclass(frozen=True)
class LadderGate:
    """Promote a candidate that is a step above the incumbent's rung; hold any other.

    The incumbent's rung is its score on the same rows, rounded to the step, which is what was
    reported when it climbed. The statement is the Ladder's: however candidates were chosen, every
    reported score is right within ``error`` with 95% probability (`ladder_error`). Rows that are
    used again allow no test of harm and none of single capabilities.
    """

    terms: GateTerms
    """From the charter; its step is set."""

    def decide(
        self, draw: Draw, findings: Sequence[Finding], history: History, seed: Seed
    ) -> tuple[Decision, Evidence]:
        """See the class."""
        if early := decide_early(findings, history, self.terms.tests):
            return early, Evidence("gate", Scores(()), Scores(()))
        left = self.terms.tests - history.tests - 1
        if self.terms.step is None:
            raise ValueError("a ladder needs a step: set gate.step in the charter")
        step = self.terms.step
        evidence = draw(self.terms.cap)
        n = len(evidence.candidate)
        best, score = rung(evidence.incumbent.mean, step), evidence.candidate.mean
        error = ladder_error(n, self.terms.tests, step)
        ends = Ending.BUDGET_SPENT if left == 0 else None
        if not climbs(score, best, step):
            verb, why = Verb.HOLD, f"does not reach the next rung, {best + step:.3f}"
            if history.holds + 1 >= self.terms.holds:
                verb, why = Verb.REJECT, f"{why}, {history.holds + 1} holds in a row"
        elif score - best > self.terms.jump:
            verb, ends = Verb.HALT, Ending.NEEDS_APPROVAL
            why = f"climbs from {best:.3f} to {rung(score, step):.3f} and needs approval for it"
        else:
            verb, why = Verb.PROMOTE, f"climbs from {best:.3f} to {rung(score, step):.3f}"
        reason = (
            f"{why} on {n} rows used again, reported scores being right within {error:.3f}; "
            f"decision {history.tests + 1} of {self.terms.tests}"
        )
        measures = {
            "rung": best,
            "step": step,
            "items": float(n),
            "anchors": float(n),
            "error": error,
            "tests_left": float(left),
        }
        if verb is not Verb.HOLD:
            measures["gain"] = score - evidence.incumbent.mean
        return Decision(verb, reason, measures, tests=1, ends=ends), evidence
