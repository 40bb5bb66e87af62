"""Collapse of rollouts: a policy that says one thing where it does not know the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ratchet.core.findings import Action, Halt, Reject
from ratchet.core.records import Records
from ratchet.diagnose.reading import ALPHA, by_task, of_role, pack, plant, surprisal, unpack
from ratchet.loop.monitor import Alarm, Reading, Seen
from ratchet.stats import Summary, shift, spend


@dataclass(frozen=True)
class RolloutCollapse:
    """Fires when, on tasks that are not solved, both the entropy of the tokens and the variety of
    the answers have fallen below ``least`` of what they were in the first generation.

    Solved tasks are left out, so that learning, which makes answers alike because they are right,
    is no collapse; learning a format lowers the entropy and leaves the variety. What is left has
    nothing to learn from: a group of equal answers has no advantage. The records show the policy
    that the generation started from, so the first alarm returns the branch to the incumbent, and
    a second in a row, when the incumbent is collapsed itself, halts.
    """

    role: str = "solver"
    least: float = 1.0 / 3.0
    """Share of the first generation's value."""
    least_tasks: int = 16
    """With fewer unsolved tasks the monitor is silent."""
    alpha: float = ALPHA
    name: str = "rollout_collapse"
    actions: tuple[Action, ...] = (Reject(), Halt())

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        """Keep surprisal per token and the share of further answers in a group that differ."""
        entropies, varieties = [], []
        for group in by_task(of_role(window[-1], self.role)):
            told = [s for t in group if (s := surprisal(t.attempt)) is not None]
            if len(group) < 2 or not told or all(t.verdict.passed for t in group):
                continue
            entropies.append(fmean(told))
            different = {t.attempt.answer.strip() for t in group}
            varieties.append((len(different) - 1) / (len(group) - 1))
        if not entropies:
            return {}
        return pack({"surprisal": Summary.of(entropies), "variety": Summary.of(varieties)})

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        """Compare the newest generation with the first."""
        told = [r.numbers for r in readings if r.numbers.get("variety.n", 0) >= self.least_tasks]
        if len(told) < 2 or told[-1] is not readings[-1].numbers:
            return None
        level = 1.0 - 2.0 * spend(self.alpha, len(told) - 1)
        measures: dict[str, float] = {}
        for name in ("surprisal", "variety"):
            now, first = unpack(told[-1], name), unpack(told[0], name)
            if not now or not first or shift(now, first.times(self.least), level).high >= 0.0:
                return None
            measures |= {name: now.mean, f"{name}_at_start": first.mean}
        return Alarm(
            f"on unsolved tasks {measures['variety']:.0%} of further answers differ "
            f"({measures['variety_at_start']:.0%} at the start), at {measures['surprisal']:.2f} "
            f"nats a token ({measures['surprisal_at_start']:.2f})",
            measures,
        )

    def planted(self) -> Sequence[Seen]:
        """Return groups of different answers, then groups of one answer without doubt."""
        seen = []
        for distinct, logprob in ((4, -1.0), (1, -0.01)):
            records = [
                plant(self.role, str(i), str(k % distinct), passed=False, logprobs=[logprob] * 3)
                for i in range(32)
                for k in range(4)
            ]
            seen.append(Seen(records))
        return seen
