"""The gate: what may become the system.

This is the simple gate: one paired interval per decision, and no error budget over the life of a
run. The protocol lets a gate draw anchors in as many batches as it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ratchet.core.evidence import Decision, Evidence, Scores, Verb
from ratchet.core.findings import Finding, Halt, Reject
from ratchet.core.seeds import Seed
from ratchet.stats import Interval, paired_bootstrap

Draw = Callable[[int], Evidence]
"""Measure candidate and incumbent on this many fresh anchors."""


class Gate(Protocol):
    """Decides on a candidate."""

    def decide(
        self, draw: Draw, findings: Sequence[Finding], holds: int, seed: Seed
    ) -> tuple[Decision, Evidence]:
        """Draw anchors, weigh them with the findings and the holds so far, and decide."""
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
        self, draw: Draw, findings: Sequence[Finding], holds: int, seed: Seed
    ) -> tuple[Decision, Evidence]:
        """See the class."""
        evidence = draw(self.items)
        gain = paired_gain(evidence.candidate, evidence.incumbent, seed)
        verb, why = self._weigh(gain, findings, holds)
        mean, low, high = (round(100 * x, 1) + 0.0 for x in (gain.mean, gain.low, gain.high))
        shown = f"{mean:+.1f} points [{low:+.1f}, {high:+.1f}]"
        measures = {"gain": gain.mean, "low": gain.low, "high": gain.high, "items": gain.n}
        reason = f"{why}: {shown} against the incumbent on {gain.n} anchors"
        return Decision(verb, reason, measures), evidence

    def _weigh(self, gain: Interval, findings: Sequence[Finding], holds: int) -> tuple[Verb, str]:
        for finding in findings:
            if isinstance(finding.action, Halt):
                return Verb.HALT, f"{finding.name} asks to halt"
        for finding in findings:
            if isinstance(finding.action, Reject):
                return Verb.REJECT, f"{finding.name} asks to reject"
        if gain.low > 0:
            return Verb.PROMOTE, "the gain is above 0"
        if gain.high < 0:
            return Verb.REJECT, "the gain is below 0"
        if holds + 1 >= self.most_holds:
            return Verb.REJECT, f"{holds + 1} holds in a row"
        return Verb.HOLD, "no sign is certain yet"


def paired_gain(ours: Scores, theirs: Scores, seed: Seed, parsed_only: bool = False) -> Interval:
    """Return the mean paired difference with its 95% interval, clustered by item.

    ``parsed_only`` keeps the items where both answers could be read. Raises ValueError if the items
    are not the same, or if none is left.
    """
    pairs = list(zip(ours.items, theirs.items, strict=True))
    if any(a.item != b.item for a, b in pairs):
        raise ValueError("scores are not of the same anchors")
    kept = [(a, b) for a, b in pairs if not parsed_only or (a.parsed and b.parsed)]
    if not kept:
        raise ValueError("there are no items to compare")
    return paired_bootstrap(
        [a.score - b.score for a, b in kept], clusters=[a.item for a, _ in kept], rng=seed.rng()
    )
