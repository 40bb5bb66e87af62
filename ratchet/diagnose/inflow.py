"""The ledger of inflow: how much of what is trained on holds anything from outside the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ratchet.core.findings import Action, Continue
from ratchet.core.records import Records, Trace
from ratchet.diagnose.reading import by_task, of_role, plant
from ratchet.loop.monitor import Alarm, Reading, Seen

OUTSIDE = ("exact", "tests")
"""Verdicts that were computed and not voted."""


@dataclass(frozen=True)
class ClosedLoop:
    """Fires when nothing of what a generation trained on came from outside: no verdict by computed
    truth, no tool's result.

    What a closed loop generates and trains on cannot hold more of the world than its model does
    (data processing; arXiv 2609.36535); it sharpens, and its labels decay. It only tells: R-Zero is
    such a loop by design. The audit is no inflow, for nothing is trained on it.
    """

    role: str = "solver"
    band: tuple[float, float] = (0.0, 1.0)
    """Pass rates, by the label, of the tasks that are trained on, ends included."""
    name: str = "closed_loop"
    actions: tuple[Action, ...] = (Continue(),)

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        """Keep the number of attempts trained on and how many hold a verdict, a tool's result."""
        low, high = self.band
        trained = [
            trace
            for group in by_task(of_role(window[-1], self.role))
            if low <= sum(t.verdict.passed for t in group) / len(group) <= high
            for trace in group
        ]
        return {
            "attempts": float(len(trained)),
            "computed": float(sum(t.verdict.source in OUTSIDE for t in trained)),
            "tool": float(sum(t.attempt.tool_calls > 0 for t in trained)),
            "either": float(sum(map(_is_open, trained))),
        }

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        """Look at the newest generation; nothing trained on is nothing to say."""
        numbers = readings[-1].numbers
        if not numbers.get("attempts") or numbers["either"]:
            return None
        return Alarm(
            f"none of {numbers['attempts']:.0f} attempts trained on holds a computed verdict or a "
            "tool's result: the loop is closed",
            numbers,
        )

    def planted(self) -> Sequence[Seen]:
        """Return attempts judged by truth, then by vote."""
        of = 20
        passes = round(of * sum(self.band) / 2)
        traces = [plant(self.role, str(i), passed=k < passes) for i in range(8) for k in range(of)]
        voted = [replace(t, verdict=replace(t.verdict, source="plurality")) for t in traces]
        return [Seen(traces), Seen(voted)]


def _is_open(trace: Trace) -> bool:
    return trace.verdict.source in OUTSIDE or trace.attempt.tool_calls > 0
