"""The error of labels, by generation, against computed truth that nothing is trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ratchet.core.findings import Action, Halt, Reject
from ratchet.core.records import Records, Trace
from ratchet.diagnose.reading import ALPHA, by_task, of_role, pack, plant, unpack
from ratchet.loop.monitor import Alarm, Reading, Seen
from ratchet.stats import Summary, log_change_evidence, shift, spend
from ratchet.stats.student_t import t_quantile
from ratchet.verify.audit import rates


@dataclass(frozen=True)
class LabelError:
    """Fires when the labels of the tasks that were trained on are too often wrong.

    Three signs, each with a third of ``alpha`` over the whole run: label accuracy below ``least``
    (a bet against it on every task of every generation); label accuracy lower than in the first
    generation by more than ``drop``; Youden's J of the verdicts, TPR - FPR, below ``least_j``. A
    reward with J <= 0 teaches the wrong thing, however long one trains (arXiv 2510.16657 and its
    relatives). The first alarm rejects the candidate; a second in a row, when the incumbent's
    labels are no better, halts.
    """

    role: str = "solver"
    band: tuple[float, float] = (0.0, 1.0)
    """Pass rates, by the label, of the tasks that are trained on, ends included."""
    least: float = 0.7
    """Below about 0.65 to 0.7 uncertainty-seeking makes a solver worse (Agent0 simulations)."""
    drop: float = 0.1
    """Largest loss of accuracy since the first generation."""
    least_j: float = 0.2
    """A coin has 0, the truth 1."""
    least_tasks: int = 16
    """With fewer tasks neither drop nor J is judged."""
    alpha: float = ALPHA
    name: str = "label_error"
    actions: tuple[Action, ...] = (Reject(), Halt())

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        """Keep label accuracy by task; TPR, FPR and J by attempt with the standard error of J."""
        low, high = self.band
        groups = [
            group
            for group in by_task(of_role(window[-1], self.role))
            if low <= sum(t.verdict.passed for t in group) / len(group) <= high
        ]
        right = [g[0].measures["label_right"] for g in groups if "label_right" in g[0].measures]
        audited = [group for group in groups if "truth" in group[0].measures]
        return pack({"label_accuracy": Summary.of(right)} if right else {}) | _rates(audited)

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        """Look at the three signs in turn."""
        told = [r.numbers for r in readings if "label_accuracy.n" in r.numbers]
        if not told or "label_accuracy.n" not in readings[-1].numbers:
            return None
        numbers, third = told[-1], self.alpha / 3.0
        now, first = unpack(numbers, "label_accuracy"), unpack(told[0], "label_accuracy")
        if now is None or first is None:
            return None
        shown = {n: v for n, v in numbers.items() if "." not in n}
        shown |= {"label_accuracy": now.mean, "labels": float(now.n)}
        said = f"{now.mean:.0%} of {now.n} labels are right"
        bets = [-_outcomes(s) for n in told if (s := unpack(n, "label_accuracy"))]
        evidence = log_change_evidence(bets, -self.least, (-1.0, 0.0))
        if now.mean < self.least and evidence >= -math.log(third):
            return Alarm(f"{said}, surely below {self.least:.0%}", shown | {"log_e": evidence})
        look = len(told)
        if look > 1 and min(now.n, first.n) >= self.least_tasks:
            change = shift(now, first, 1.0 - 2.0 * spend(third, look - 1))
            if change.high < -self.drop:
                return Alarm(f"{said}, {first.mean:.0%} at the start", shown)
        if numbers.get("j_tasks", 0.0) >= self.least_tasks:
            tail = t_quantile(1.0 - spend(third, look), numbers["j_tasks"] - 1.0)
            if numbers["j"] + tail * numbers["j_error"] < self.least_j:
                return Alarm(f"{said}; J of the verdicts is {numbers['j']:.2f}", shown)
        return None

    def planted(self) -> Sequence[Seen]:
        """Return right labels, then wrong ones, on tasks within the band."""
        of = 20
        passes = round(of * sum(self.band) / 2)
        return [
            Seen(
                [
                    plant(
                        self.role,
                        str(task),
                        passed=k < passes,
                        measures={"label_right": right, "truth": float((k < passes) == right)},
                    )
                    for task in range(64)
                    for k in range(of)
                ]
            )
            for right in (1.0, 0.0)
        ]


def _outcomes(accuracy: Summary) -> np.ndarray:
    """Return the 0/1 values behind a share."""
    right = round(accuracy.n * accuracy.mean)
    return np.repeat([1.0, 0.0], [right, accuracy.n - right])


def _rates(groups: Sequence[Sequence[Trace]]) -> dict[str, float]:
    """Return TPR, FPR and J of the verdicts with standard errors; empty where one is unknown."""
    judged = [[(t.verdict.passed, t.measures["truth"] == 1.0) for t in group] for group in groups]
    found = rates(judged)
    return {name: float(value) for name, value in asdict(found).items()} if found else {}
