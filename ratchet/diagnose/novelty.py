"""Collapse of proposals: a proposer that writes the same tasks over again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.core.findings import Action, Restart
from ratchet.core.records import Records
from ratchet.diagnose.reading import ALPHA, of_role, pack, plant, surprisal, unpack
from ratchet.loop.monitor import Alarm, Reading, Seen
from ratchet.stats import Summary, log_change_evidence, shift, spend


@dataclass(frozen=True)
class ProposalCollapse:
    """Fires when hardly any valid proposal is new, or when both the entropy of the proposals and
    the share of new ones have fallen far below the first generation's; restarts the proposer.

    A proposal is new if its text stands neither before it in its own generation nor in the earlier
    generations that are shown (the run's ``window``). Half of ``alpha`` is for a bet, over the
    whole run, against "each next valid proposal is new with probability ``least_new``"; half for
    the comparison with the start, where both must have fallen below ``least``.
    """

    role: str = "proposer"
    least_new: float = 0.2
    """Lowest share of new texts among valid proposals."""
    least: float = 1.0 / 3.0
    """Share of the first generation's value."""
    least_proposals: int = 16
    """With fewer valid proposals nothing is compared with the start."""
    alpha: float = ALPHA
    name: str = "proposal_collapse"
    actions: tuple[Action, ...] = (Restart("proposer"),)

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        """Keep surprisal per token of all proposals and the share of new ones among the valid."""
        known = {t.attempt.answer for records in window[:-1] for t in of_role(records, self.role)}
        new, entropies = [], []
        for trace in of_role(window[-1], self.role):
            told = surprisal(trace.attempt)
            entropies += [] if told is None else [told]
            if trace.verdict.passed:
                new.append(float(trace.attempt.answer not in known))
                known.add(trace.attempt.answer)
        found = {"new": new, "surprisal": entropies}
        return pack({name: Summary.of(values) for name, values in found.items() if values})

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        """Bet on too few new proposals; compare the newest generation with the first."""
        told = [r.numbers for r in readings if "new.n" in r.numbers]
        if not told or told[-1] is not readings[-1].numbers:
            return None
        shares = [s for numbers in told if (s := unpack(numbers, "new"))]
        now, first = shares[-1], shares[0]
        measures = {"new_share": now.mean, "proposals": float(now.n)}
        said = f"{now.mean:.0%} of {now.n} valid proposals are new"
        bets = [np.repeat([-1.0, 0.0], _split(share)) for share in shares]
        evidence = log_change_evidence(bets, -self.least_new, (-1.0, 0.0))
        if now.mean < self.least_new and evidence >= -math.log(0.5 * self.alpha):
            message = f"{said}, surely fewer than {self.least_new:.0%}"
            return Alarm(message, measures | {"log_e": evidence})
        if len(told) < 2 or min(now.n, first.n) < self.least_proposals:
            return None
        level = 1.0 - 2.0 * spend(0.5 * self.alpha, len(told) - 1)
        for name in ("surprisal", "new"):
            here, there = unpack(told[-1], name), unpack(told[0], name)
            if not here or not there or shift(here, there.times(self.least), level).high >= 0.0:
                return None
            measures |= {name: here.mean, f"{name}_at_start": there.mean}
        return Alarm(f"{said}, {first.mean:.0%} at the start, and entropy fell as far", measures)

    def planted(self) -> Sequence[Seen]:
        """Return different proposals, then one proposal over and over."""
        fresh = [plant(self.role, "request", f"{i} + 1") for i in range(64)]
        stale = [plant(self.role, "request", "0 + 1", logprobs=[-0.01] * 3) for _ in range(64)]
        return [Seen(fresh), Seen(stale)]


def _split(share: Summary) -> tuple[int, int]:
    new = round(share.n * share.mean)
    return new, share.n - new
