"""Loss of signal by query: the solver fails, or passes, every attempt at nearly all of them."""

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
class QuerySignal:
    """Fires when surely fewer than ``least_signal`` of the queries have both attempts that the
    verifier passes and attempts that it fails; restarts the challenger.

    A challenger that is paid for the solver's failures (Language Self-Play, arXiv 2509.07414) is
    paid most by what nobody can answer; once all it writes is of that kind, nothing is learned from
    the verifier any more, and no error tells. `signal` looks at tasks; what is no task has none of
    its own, so here the recipe marks each query (``signal``). ``alpha`` is for a bet over the run.
    """

    role: str = "proposer"
    least_signal: float = 0.05
    """Lowest share of queries with signal."""
    alpha: float = ALPHA
    name: str = "query_signal"
    actions: tuple[Action, ...] = (Restart("proposer"),)

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        """Keep the share of marked queries that have a signal."""
        traces = of_role(window[-1], self.role)
        marks = [t.measures["signal"] for t in traces if "signal" in t.measures]
        return pack({"signal": Summary.of(marks)}) if marks else {}

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        """Bet on too few queries with a signal."""
        shares = [s for r in readings if (s := unpack(r.numbers, "signal"))]
        if not shares or "signal.n" not in readings[-1].numbers:
            return None
        now = shares[-1]
        counts = [(round(s.n * s.mean), s.n) for s in shares]
        bets = [np.repeat([-1.0, 0.0], [some, n - some]) for some, n in counts]
        evidence = log_change_evidence(bets, -self.least_signal, (-1.0, 0.0))
        if now.mean >= self.least_signal or evidence < -math.log(self.alpha):
            return None
        return Alarm(
            f"{now.mean:.0%} of {now.n} queries are passed by some attempts and failed by others, "
            f"surely fewer than {self.least_signal:.0%}",
            {"signal_share": now.mean, "queries": float(now.n), "log_e": evidence},
        )

    def planted(self) -> Sequence[Seen]:
        """Return queries of which each has a signal, then none."""
        return [
            Seen([plant(self.role, "request", str(i), measures={"signal": s}) for i in range(256)])
            for s in (1.0, 0.0)
        ]
