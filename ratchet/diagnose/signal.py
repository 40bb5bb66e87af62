"""Loss of signal: hardly any task is in the band, or hardly any group has attempts that differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.core.findings import Action, Restart
from ratchet.core.records import Records
from ratchet.diagnose.reading import ALPHA, by_task, of_role, pack, plant, unpack
from ratchet.loop.monitor import Alarm, Reading, Seen
from ratchet.stats import Summary, log_change_evidence


@dataclass(frozen=True)
class SignalLoss:
    """Fires when the share of tasks in the band, or of tasks with both passes and failures, is
    surely below its mark: tasks are too easy or too hard to teach anything. Restarts the proposer.

    Half of ``alpha`` is for each bet over the whole run, as in `novelty`.
    """

    role: str = "solver"
    band: tuple[float, float] = (0.0, 1.0)
    """Pass rates, by the label, of the tasks that are trained on, ends included."""
    least_kept: float = 0.1
    """Lowest share of tasks in the band."""
    least_signal: float = 0.05
    """Lowest share of tasks whose attempts differ in their verdict."""
    alpha: float = ALPHA
    name: str = "signal_loss"
    actions: tuple[Action, ...] = (Restart("proposer"),)

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        """Keep both shares, tasks as units."""
        low, high = self.band
        rates = [
            sum(t.verdict.passed for t in group) / len(group)
            for group in by_task(of_role(window[-1], self.role))
        ]
        if not rates:
            return {}
        kept = Summary.of([float(low <= rate <= high) for rate in rates])
        return pack({"kept": kept, "signal": Summary.of([float(0 < r < 1) for r in rates])})

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        """Bet on too few in either share."""
        told = [r.numbers for r in readings if "kept.n" in r.numbers]
        if not told or told[-1] is not readings[-1].numbers:
            return None
        for name, least in (("kept", self.least_kept), ("signal", self.least_signal)):
            shares = [s for numbers in told if (s := unpack(numbers, name))]
            now = shares[-1]
            bets = [np.repeat([-1.0, 0.0], _split(share)) for share in shares]
            evidence = log_change_evidence(bets, -least, (-1.0, 0.0))
            if now.mean < least and evidence >= -math.log(0.5 * self.alpha):
                return Alarm(
                    f"{now.mean:.0%} of {now.n} tasks are {_WORDS[name]}, surely fewer than "
                    f"{least:.0%}",
                    {f"{name}_share": now.mean, "tasks": float(now.n), "log_e": evidence},
                )
        return None

    def planted(self) -> Sequence[Seen]:
        """Return tasks at the middle of the band, then tasks that are never passed."""
        of = 20
        passes = round(of * sum(self.band) / 2)
        return [
            Seen([plant(self.role, str(i), passed=k < n) for i in range(256) for k in range(of)])
            for n in (passes, 0)
        ]


_WORDS = {"kept": "in the band", "signal": "passed by some attempts and failed by others"}


def _split(share: Summary) -> tuple[int, int]:
    whole = round(share.n * share.mean)
    return whole, share.n - whole
