"""Drift of format: answers that can no longer be read, are cut off, or grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ratchet.core.findings import Action, Halt, Reject
from ratchet.core.records import Records, Trace
from ratchet.core.task import StopReason
from ratchet.diagnose.reading import ALPHA, by_task, of_role, pack, plant, unpack
from ratchet.loop.monitor import Alarm, Reading, Seen
from ratchet.stats import Summary, shift, spend

_CUT = (StopReason.LENGTH, StopReason.TURNS)


@dataclass(frozen=True)
class FormatDrift:
    """Fires when, against the first generation, the share of attempts that can be read fell by
    more than ``points``, the share that was cut off rose by as much, or turns became longer than
    ``longer`` times; a third of ``alpha`` each.

    Shorter answers that can be read are no drift, nor are more turns: a solver that learns to call
    its tool writes a second one. The records show the policy that the generation
    started from, so the first alarm returns the branch to the incumbent, and a second in a row
    halts.
    """

    role: str = "solver"
    points: float = 0.15
    """Largest change of a share."""
    longer: float = 2.0
    """Largest growth of the mean number of tokens that the policy writes in a turn."""
    least_tasks: int = 16
    """With fewer tasks the monitor is silent."""
    alpha: float = ALPHA
    name: str = "format_drift"
    actions: tuple[Action, ...] = (Reject(), Halt())

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        """Keep the shares and the length, with tasks as units."""
        groups = by_task(of_role(window[-1], self.role))
        if not groups:
            return {}
        found = {
            "parsed": [fmean(t.verdict.parsed for t in g) for g in groups],
            "cut": [fmean(t.attempt.stop in _CUT for t in g) for g in groups],
            "turn_tokens": [fmean(map(_tokens, g)) for g in groups],
        }
        return pack({name: Summary.of(values) for name, values in found.items()})

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        """Compare the newest generation with the first."""
        told = [r.numbers for r in readings if r.numbers.get("parsed.n", 0) >= self.least_tasks]
        if len(told) < 2 or told[-1] is not readings[-1].numbers:
            return None
        level = 1.0 - 2.0 * spend(self.alpha / 3.0, len(told) - 1)
        drifted: list[str] = []
        measures: dict[str, float] = {}
        for name, factor in (("parsed", 1.0), ("cut", 1.0), ("turn_tokens", self.longer)):
            now, first = unpack(told[-1], name), unpack(told[0], name)
            if now is None or first is None:
                continue
            measures |= {name: now.mean, f"{name}_at_start": first.mean}
            change = shift(now, first.times(factor), level)
            if name == "parsed":
                drifted += [name] if change.high < -self.points else []
            elif change.low > (self.points if name == "cut" else 0.0):
                drifted.append(name)
        if not drifted:
            return None
        return Alarm(
            ", ".join(
                f"{_WORDS[n]} {measures[n]:.3g} ({measures[f'{n}_at_start']:.3g} at the start)"
                for n in drifted
            ),
            measures,
        )

    def planted(self) -> Sequence[Seen]:
        """Return short answers that can be read, then long ones that are cut off."""
        short = [plant(self.role, str(i)) for i in range(32)]
        long = [
            plant(
                self.role,
                str(i),
                passed=False,
                parsed=False,
                stop=StopReason.LENGTH,
                logprobs=[-1.0] * 8,
            )
            for i in range(32)
        ]
        return [Seen(short), Seen(long)]


def _tokens(trace: Trace) -> float:
    own = [len(turn.tokens) for turn in trace.attempt.turns if turn.role == "policy"]
    return fmean(own) if own else 0.0


_WORDS = {"parsed": "share read", "cut": "share cut off", "turn_tokens": "tokens in a turn"}
