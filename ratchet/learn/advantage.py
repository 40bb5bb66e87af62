"""Advantages of attempts relative to other attempts: no value network is needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from ratchet.core.records import Trace
from ratchet.core.task import StopReason

Scale = Literal["std", "none"]
"""``std`` divides by the group's standard deviation; ``none`` does not."""

Baseline = Literal["group", "role"]
"""Whose mean is subtracted: that of the attempts at one task, or of all traces of one role."""

EPS = 1e-6
"""Added to the standard deviation."""
SAME = 1e-9
"""Rewards closer than this are equal."""


def group_advantages(rewards: Sequence[float], scale: Scale = "std") -> list[float] | None:
    """Return (r - mean) / (std + eps) for each reward of a group, or None if it has no signal.

    DeepSeekMath (GRPO), arXiv 2402.03300, section 4.1.2. ``scale="none"`` leaves the division out,
    which otherwise weighs very easy and very hard tasks up: Dr. GRPO, arXiv 2503.20783. A group has
    no signal if all its rewards are equal, so also if it has fewer than two. The deviation is that
    of the group itself (divided by n). Raises ValueError on a reward that is not finite.
    """
    values = np.asarray(rewards, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"a reward is not finite: {list(rewards)}")
    if len(values) == 0 or np.ptp(values) <= SAME:
        return None
    centred = values - values.mean()
    result: list[float] = (centred / (values.std() + EPS) if scale == "std" else centred).tolist()
    return result


def judged(groups: Iterable[Iterable[Trace]]) -> list[list[Trace]]:
    """Return the groups without attempts that an environment's error ended: they have no reward."""
    return [[t for t in group if t.attempt.stop is not StopReason.ERROR] for group in groups]


def by_task(groups: Sequence[Sequence[Trace]]) -> Sequence[Sequence[Trace]]:
    """Return the groups as they are; raises ValueError if one mixes tasks."""
    for index, group in enumerate(groups):
        if len({trace.task.id for trace in group}) > 1:
            raise ValueError(f"group {index} mixes tasks, so its mean is no baseline")
    return groups


def by_cell(groups: Sequence[Sequence[Trace]]) -> dict[tuple[str, str], list[Trace]]:
    """Return all traces by role and family of their task, in order of first appearance."""
    cells: dict[tuple[str, str], list[Trace]] = {}
    for group in groups:
        for trace in group:
            cells.setdefault((trace.role, trace.task.family), []).append(trace)
    return cells


def by_role(groups: Sequence[Sequence[Trace]]) -> list[list[Trace]]:
    """Return all traces grouped by role, roles in order of first appearance."""
    roles: dict[str, list[Trace]] = {}
    for group in groups:
        for trace in group:
            roles.setdefault(trace.role, []).append(trace)
    return list(roles.values())
