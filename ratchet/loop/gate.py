"""The gate: what may become the system.

The protocol, and the simple gate: one paired interval per decision, no error budget over the life
of a run. Not here: the gate with a budget (`sequential_gate`) and the one for finite sets
(`ladder_gate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ratchet.core.evidence import Decision, Ending, Evidence, ItemScore, Scores, Verb
from ratchet.core.findings import AskApproval, Finding, Halt, Reject
from ratchet.core.seeds import Seed
from ratchet.stats import Interval, paired_bootstrap


class Draw(Protocol):
    """Measures candidate and incumbent on anchors not drawn before in this decision."""

    def __call__(self, n: int, families: Sequence[str] = ()) -> Evidence:
        """Measure on ``n`` more anchors of the charter's mix, or ``n`` of each of these families.

        Fewer come back when the anchors run dry.
        """
        ...


@dataclass(frozen=True)
class History:
    """What a gate has to know of the decisions before this one."""

    holds: int = 0
    """Holds in a row."""
    tests: int = 0
    """Tests of the run's error budget that are spent."""


class Gate(Protocol):
    """Decides on a candidate. It keeps nothing: all that it knows is passed in."""

    def decide(
        self, draw: Draw, findings: Sequence[Finding], history: History, seed: Seed
    ) -> tuple[Decision, Evidence]:
        """Draw anchors, weigh them with the findings and the history, and decide.

        The evidence is that of the charter's mix, all draws of it in one; the loop keeps those of
        single families.
        """
        ...


@dataclass(frozen=True)
class IntervalGate:
    """Promote, hold or reject by the 95% interval of the paired gain over the incumbent.

    Promote when its lower end is above 0, reject when its upper end is below 0 or after
    ``most_holds`` holds in a row, hold otherwise. A finding that asks for it rejects or halts.
    """

    items: int
    """Anchors per decision."""
    most_holds: int = 6
    """The hold that would make this many in a row is a rejection."""

    def decide(
        self, draw: Draw, findings: Sequence[Finding], history: History, seed: Seed
    ) -> tuple[Decision, Evidence]:
        """See the class."""
        evidence = draw(self.items)
        gain = paired_gain(evidence.candidate, evidence.incumbent, seed)
        verb, why = asked_for(findings) or self._weigh(gain, history.holds)
        shown = in_points(gain)
        measures = {"gain": gain.mean, "low": gain.low, "high": gain.high, "items": gain.n}
        reason = f"{why}: {shown} against the incumbent on {gain.n} anchors"
        ends = Ending.HALTED if verb is Verb.HALT else None
        return Decision(verb, reason, measures, ends=ends), evidence

    def _weigh(self, gain: Interval, holds: int) -> tuple[Verb, str]:
        if gain.low > 0:
            return Verb.PROMOTE, "the gain is above 0"
        if gain.high < 0:
            return Verb.REJECT, "the gain is below 0"
        if holds + 1 >= self.most_holds:
            return Verb.REJECT, f"{holds + 1} holds in a row"
        return Verb.HOLD, "no sign is certain yet"


def decide_early(findings: Sequence[Finding], history: History, tests: int) -> Decision | None:
    """Return what is decided without drawing: by a finding, or because all tests are spent."""
    if asked := asked_for(findings):
        ends = Ending.HALTED if asked[0] is Verb.HALT else None
        return Decision(asked[0], f"{asked[1]}; nothing was drawn", ends=ends)
    if history.tests >= tests:
        reason = f"all {tests} tests of the error budget are spent"
        return Decision(Verb.HALT, reason, ends=Ending.BUDGET_SPENT)
    return None


def asked_for(findings: Sequence[Finding]) -> tuple[Verb, str] | None:
    """Return what the findings ask of the gate, and who asks: a halt before a rejection."""
    for kind, verb in ((Halt, Verb.HALT), (Reject, Verb.REJECT)):
        for finding in findings:
            if isinstance(finding.action, kind):
                return verb, f"{finding.name} asks to {verb}"
    return None


def ask_approval(decision: Decision, findings: Sequence[Finding]) -> Decision:
    """Return the decision; a promotion that a finding wants a person to see waits for one."""
    asking = [f.name for f in findings if isinstance(f.action, AskApproval)]
    if decision.verb is not Verb.PROMOTE or not asking:
        return decision
    reason = f"{decision.reason}; {', '.join(asking)} asks for approval"
    return replace(decision, verb=Verb.HALT, reason=reason, ends=Ending.NEEDS_APPROVAL)


def in_points(gain: Interval) -> str:
    """Return a gain as ``+4.0 points [+1.0, +7.0]``."""
    mean, low, high = (round(100 * x, 1) + 0.0 for x in (gain.mean, gain.low, gain.high))
    return f"{mean:+.1f} points [{low:+.1f}, {high:+.1f}]"


def paired_items(ours: Scores, theirs: Scores) -> list[tuple[ItemScore, ItemScore]]:
    """Return both scores by item; ValueError unless the items are the same."""
    pairs = list(zip(ours.items, theirs.items, strict=True))
    if any(a.item != b.item for a, b in pairs):
        raise ValueError("scores are not of the same anchors")
    return pairs


def differences(ours: Scores, theirs: Scores) -> list[float]:
    """Return candidate minus incumbent by item; ValueError unless the items are the same."""
    return [a.score - b.score for a, b in paired_items(ours, theirs)]


def paired_gain(ours: Scores, theirs: Scores, seed: Seed, parsed_only: bool = False) -> Interval:
    """Return the mean paired difference with its 95% interval, clustered by item.

    ``parsed_only`` keeps the items where both answers could be read. Raises ValueError if the items
    are not the same, or if none is left.
    """
    changes = differences(ours, theirs)
    triples = zip(ours.items, theirs.items, changes, strict=True)
    kept = [(a.item, d) for a, b, d in triples if not parsed_only or (a.parsed and b.parsed)]
    if not kept:
        raise ValueError("there are no items to compare")
    return paired_bootstrap(
        [change for _, change in kept], clusters=[item for item, _ in kept], rng=seed.rng()
    )
