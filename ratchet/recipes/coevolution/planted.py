"""An open task with answers whose verdicts are known, for planted triggers."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.core.task import Task


@dataclass(frozen=True)
class Planted:
    """A task and what may be said to it."""

    task: Task
    """An open task."""
    right: str
    """An answer that passes, as a policy would write it."""
    wrong: str
    """One that can be read and does not pass."""
    unread: str = " well\n"
    """One that cannot be read."""
