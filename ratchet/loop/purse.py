"""What a run has spent of its budget, over all processes that ever worked on it.

The ledger holds the cost of what was finished. What a killed process used is kept in
``spent.json``, so that being killed and resumed is no way to spend more.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ratchet.core.events import Event, Listener
from ratchet.core.findings import Finding
from ratchet.core.task import Cost
from ratchet.guard.budget import Budget, Spent, overrun
from ratchet.loop.disk import write_atomically
from ratchet.loop.folder import RunFolder
from ratchet.loop.ledger import Entry
from ratchet.loop.meter import Meter

_COUNTED = ("wall_s", "tokens", "prompt_tokens")


class BudgetSpent(Exception):
    """A limit of the charter is reached. No RatchetError: a recipe that handles those lets it by.

    A recipe that catches it all the same is stopped at the next look, at the latest before its
    generation is committed.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class Purse:
    """Looks at what was spent, between generations and whenever something is told."""

    def __init__(
        self,
        budget: Budget,
        folder: RunFolder,
        entries: Iterable[Entry],
        spent: Callable[[], Cost],
    ) -> None:
        self._budget, self._folder = budget, folder
        self._kept = folder.path / "spent.json"
        self._before = _total_before(entries, self._kept)
        self._meter = Meter(spent)
        self._metered = any(
            limit is not None for limit in (budget.seconds, budget.tokens, budget.money)
        )
        self.generations = 0
        """Generations finished; the loop says so."""

    def look(self, starting: bool = False, disk: bool = True) -> None:
        """Raise BudgetSpent if a limit is reached; that of generations only before starting one."""
        total = self._total()
        spent = Spent(
            total["wall_s"],
            int(total["tokens"]),
            int(total["prompt_tokens"]),
            self.generations if starting else 0,
            _size_mb(self._folder.path) if disk and self._budget.disk_mb else 0.0,
        )
        if found := overrun(self._budget, spent):
            self.keep()
            raise BudgetSpent(found)

    def watch(self, listener: Listener) -> Listener:
        """Return a listener that passes events on and looks at every one of them."""

        def pass_on(event: Event) -> None:
            listener(event)
            if event.kind != "progress":
                self.keep()
            self.look(disk=event.kind != "progress")

        return pass_on

    def keep(self) -> None:
        """Write down what was spent, if there is a limit on it."""
        if self._metered:
            write_atomically(self._kept, json.dumps(self._total()).encode())

    @contextmanager
    def alarm(self) -> Iterator[None]:
        """Look every second from when the time is up, for a recipe that tells nothing."""
        left = (self._budget.seconds or 0.0) - self._total()["wall_s"]
        if self._budget.seconds is None or not _in_main_thread():
            yield
            return
        before = signal.signal(signal.SIGALRM, lambda number, frame: self.look())
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.001), 1.0)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)

    def _total(self) -> dict[str, float]:
        now = self._meter.read()
        return {name: self._before[name] + now[name] for name in _COUNTED}


def _total_before(entries: Iterable[Entry], kept: Path) -> dict[str, float]:
    """Return what the ledger or the file tells, whichever is more: the file may be lost."""
    total: dict[str, float] = dict.fromkeys(_COUNTED, 0.0)
    for entry in entries:
        cost: dict[str, Any] = entry.body.get("cost", {})
        total = {name: total[name] + cost.get(name, 0.0) for name in _COUNTED}
    # Unreadable is as good as lost: the ledger is what counts.
    with suppress(OSError, ValueError, AttributeError, TypeError):
        told = json.loads(kept.read_bytes())
        total = {name: max(total[name], float(told.get(name, 0.0))) for name in _COUNTED}
    return total


def _size_mb(folder: Path) -> float:
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            # Files come and go while one looks.
            with suppress(FileNotFoundError):
                size += os.lstat(os.path.join(place, name)).st_size
    return size / 2**20


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
