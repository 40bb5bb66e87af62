"""Loss of coverage: pass@1 holds, and pass@k falls: a policy that only repeats what it knew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ratchet.core.findings import Action, Reject
from ratchet.core.records import Records
from ratchet.diagnose.reading import ALPHA, by_task, of_role, plant
from ratchet.loop.monitor import Alarm, Reading, Seen
from ratchet.stats import Summary, shift, spend


@dataclass(frozen=True)
class CoverageLoss:
    """Fires when, on tasks that come again in every generation and are never trained on, fewer are
    solved in any of k attempts than in the first generation, while pass@1 has not fallen.

    Sharpening alone keeps pass@k; a loop that trains on its own labels loses it before its pass@1
    falls (arXiv 2609.36535: pass@8 75.4 to 55.6). Tasks are paired with themselves; ``alpha`` is
    spent over the looks. Where truth stands beside the label, it counts.
    """

    role: str = "held"
    hold: float = 0.02
    """A fall of pass@1 by no more than this is none."""
    least_tasks: int = 16
    """With fewer shared tasks the monitor is silent."""
    alpha: float = ALPHA
    name: str = "coverage_loss"
    actions: tuple[Action, ...] = (Reject(),)

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        """Keep, by task, the share of attempts that are right; and k."""
        found: dict[str, float] = {}
        for group in by_task(of_role(window[-1], self.role)):
            right = [t.measures.get("truth", float(t.verdict.passed)) for t in group]
            found[f"task.{group[0].task.id}"] = fmean(right)
            found["k"] = float(len(group))
        return found

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        """Compare the newest generation with the first, task by task."""
        told = [reading.numbers for reading in readings if "k" in reading.numbers]
        if len(told) < 2 or told[-1] is not readings[-1].numbers:
            return None
        first, now = told[0], told[-1]
        shared = [name for name in now if name in first and name.startswith("task.")]
        if len(shared) < self.least_tasks:
            return None
        once = fmean(now[name] - first[name] for name in shared)
        solved = [float(now[name] > 0) - float(first[name] > 0) for name in shared]
        level = 1.0 - 2.0 * spend(self.alpha, len(told) - 1)
        change = shift(Summary.of(solved), Summary(len(shared), 0.0, 0.0), level)
        if once < -self.hold or change.high >= 0.0:
            return None
        return Alarm(
            f"of {len(shared)} held tasks {-change.mean:.0%} fewer are solved in any of "
            f"{now['k']:.0f} attempts than at the start, while pass@1 changed by {once:+.0%}",
            {"pass_k_change": change.mean, "pass_1_change": once, "tasks": float(len(shared))},
        )

    def planted(self) -> Sequence[Seen]:
        """Return tasks solved now and then, then a half of them always and the others never."""
        starts = [plant(self.role, str(i), passed=k % 2 == 0) for i in range(64) for k in range(4)]
        ends = [plant(self.role, str(i), passed=i % 2 == 0) for i in range(64) for _ in range(4)]
        return [Seen(starts), Seen(ends)]
