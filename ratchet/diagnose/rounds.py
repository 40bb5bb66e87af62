"""Novelty across rounds: a proposer that comes back to tasks of earlier generations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.core.findings import Action, Restart
from ratchet.core.records import Records
from ratchet.diagnose.reading import ALPHA, of_role, pack, plant, unpack
from ratchet.loop.monitor import Alarm, Reading, Seen
from ratchet.stats import Summary, log_change_evidence


@dataclass(frozen=True)
class StaleRounds:
    """Fires when surely fewer than ``least_new`` of the proposed tasks are new to the archive of
    all generations; restarts the proposer.

    The repetition penalty sees one batch, so that a proposer may cycle from round to round unpaid
    and unpunished ("diversity illusion", arXiv 2602.13103). Tasks are compared by their canonical
    form, by the recipe, which marks each proposal (``new``); `novelty` compares texts, within the
    window. ``alpha`` is for a bet over the whole run.
    """

    role: str = "proposer"
    least_new: float = 0.1
    """Lowest share of new tasks among valid proposals."""
    alpha: float = ALPHA
    name: str = "stale_rounds"
    actions: tuple[Action, ...] = (Restart("proposer"),)

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        """Keep the share of new tasks among the valid proposals that are marked."""
        marks = [
            t.measures["new"]
            for t in of_role(window[-1], self.role)
            if t.verdict.passed and "new" in t.measures
        ]
        return pack({"new": Summary.of(marks)}) if marks else {}

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        """Bet on too few new tasks."""
        shares = [s for r in readings if (s := unpack(r.numbers, "new"))]
        if not shares or "new.n" not in readings[-1].numbers:
            return None
        now = shares[-1]
        counts = [(round(s.n * s.mean), s.n) for s in shares]
        bets = [np.repeat([-1.0, 0.0], [new, n - new]) for new, n in counts]
        evidence = log_change_evidence(bets, -self.least_new, (-1.0, 0.0))
        if now.mean >= self.least_new or evidence < -math.log(self.alpha):
            return None
        return Alarm(
            f"{now.mean:.0%} of {now.n} proposed tasks are new to this run, surely fewer than "
            f"{self.least_new:.0%}",
            {"new_share": now.mean, "proposals": float(now.n), "log_e": evidence},
        )

    def planted(self) -> Sequence[Seen]:
        """Return tasks that are all new, then none that is."""
        return [
            Seen([plant(self.role, "request", str(i), measures={"new": new}) for i in range(128)])
            for new in (1.0, 0.0)
        ]
