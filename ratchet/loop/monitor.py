"""Monitors: what is watched over a whole run, and what is done when it goes wrong.

A probe looks at the last records; a monitor reduces every generation to a few numbers, which the
ledger keeps, and judges the whole row of them. So it can look back to the start, costs the same
however long the run is, sees after a resume what it saw before, and can be recomputed.

A monitor may see audit scores: of the candidate and of the first state on fresh audit anchors, item
by item without ids. They reach nothing else in the loop's process: `improve` is never given them,
and what a run can learn of them is that a monitor fired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ratchet.core.findings import Action, Continue, Finding
from ratchet.core.records import Records


@dataclass(frozen=True)
class Audited:
    """One fresh audit anchor, answered greedily by the candidate and by the first state."""

    family: str
    """Family of the anchor, named as that of tasks."""
    candidate: float
    """Score in [0, 1]."""
    initial: float
    """Score in [0, 1]."""

    @property
    def change(self) -> float:
        """Candidate minus first state."""
        return self.candidate - self.initial


@dataclass(frozen=True)
class Reading:
    """What a monitor knows of one generation."""

    numbers: Mapping[str, float]
    """What it read from the records."""
    audit: tuple[Audited, ...] = ()
    """The audit anchors of the generation; empty if none were drawn."""


@dataclass(frozen=True)
class Alarm:
    """Why a monitor fires."""

    message: str
    """One sentence with the numbers in it."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """The numbers."""


@dataclass(frozen=True)
class Seen:
    """One generation as a monitor is shown it."""

    records: Records
    """What the generation left behind."""
    audit: tuple[Audited, ...] = ()
    """As in `Reading`."""


class Monitor(Protocol):
    """Watches one thing over the generations. A monitor is a mechanism too: it must stay silent on
    the first of its planted generations and fire on the last."""

    @property
    def name(self) -> str:
        """Stable name; its findings carry it."""
        ...

    @property
    def actions(self) -> Sequence[Action]:
        """What follows the first alarm, the second in a row, and so on; the last one stays."""
        ...

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        """Reduce the newest generation's records, which stand last, to numbers; they are finite."""
        ...

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        """Look at all generations, newest last, at least one. A function of the readings alone."""
        ...

    def planted(self) -> Sequence[Seen]:
        """Return at least two generations: silent on the first, fires on the last."""
        ...


@dataclass(frozen=True)
class Past:
    """One generation as the ledger keeps it for the monitors."""

    read: Mapping[str, Mapping[str, float]]
    """What each monitor read from its records, by the monitor's name."""
    audit: tuple[Audited, ...] = ()
    """As in `Reading`."""


def read_all(monitors: Sequence[Monitor], window: Sequence[Records]) -> dict[str, dict[str, float]]:
    """Have every monitor read the newest generation."""
    return {monitor.name: dict(monitor.read(window)) for monitor in monitors}


def judge_all(
    monitors: Sequence[Monitor],
    history: Sequence[Past],
    act: bool = True,
) -> list[Finding]:
    """Return the findings of all monitors on the newest of these generations.

    Without ``act`` the monitors only tell: in a control a run's decisions may not move it.
    """
    findings = []
    for monitor in monitors:
        readings = [Reading(g.read.get(monitor.name, {}), g.audit) for g in history]
        alarm = monitor.judge(readings)
        if alarm is not None:
            action = _choose(monitor, readings) if act else Continue()
            findings.append(Finding(monitor.name, alarm.message, action, alarm.measures))
    return findings


def _choose(monitor: Monitor, readings: Sequence[Reading]) -> Action:
    """Return the action of this alarm by the number of alarms just before it."""
    before, last = 0, min(len(monitor.actions), len(readings)) - 1
    while before < last and monitor.judge(readings[: -before - 1]) is not None:
        before += 1
    return monitor.actions[before]


def try_out(monitors: Sequence[Monitor], window: int) -> dict[str, bool]:
    """Send every monitor's planted generations through the loop's own wiring.

    True where it stayed silent on the first and fired on the last.
    """
    fired = {}
    for monitor in monitors:
        seen = monitor.planted()
        history: list[Past] = []
        alarms = []
        for number, generation in enumerate(seen):
            shown = [one.records for one in seen[max(0, number - window + 1) : number + 1]]
            history.append(Past(read_all([monitor], shown), generation.audit))
            alarms.append(bool(judge_all([monitor], history)))
        fired[monitor.name] = len(alarms) > 1 and alarms[-1] and not alarms[0]
    return fired
