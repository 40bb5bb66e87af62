"""What a run is doing right now: a fold over its events, with rates and time left.

The clock is read here and nowhere else in a report, and nothing of it goes into results.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.core.events import Event
from ratchet.report.words import duration

_LAST = 6
_OWN = {"phase", "done", "total"}


@dataclass
class Board:
    """The newest of everything. ``update`` takes events, the rest reads."""

    clock: Callable[[], float] = time.monotonic
    """Seconds that only go forward."""
    generation: int = 0
    """The current one; 0 before the first."""
    of: int = 0
    """How many there will be."""
    phase: str = "starting"
    """What is being done, in words."""
    done: int = 0
    """Steps of the phase finished."""
    total: int = 0
    """Steps of the phase; 0 if it tells no progress."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """The numbers that came with the last progress."""
    decisions: list[str] = field(default_factory=list)
    """The last decisions and findings, oldest first."""
    status: str = ""
    """How the run ended; empty while it works."""

    def __post_init__(self) -> None:
        self._began = self._phase_began = self._generation_began = self.clock()
        self._durations: list[float] = []
        self._done_before = 0

    def update(self, event: Event) -> None:
        """Take one event; an unknown kind changes nothing."""
        take = getattr(self, f"_on_{event.kind}", None)
        if take is not None:
            take(event.data)

    @property
    def elapsed(self) -> float:
        """Seconds since the board was made."""
        return self.clock() - self._began

    @property
    def rate(self) -> float | None:
        """Steps of the phase a second; None before the first."""
        seconds, steps = self.clock() - self._phase_began, self.done - self._done_before
        return steps / seconds if steps > 0 and seconds > 0 else None

    @property
    def phase_left(self) -> float | None:
        """Seconds left in the phase at its present rate."""
        return (self.total - self.done) / self.rate if self.rate and self.total else None

    @property
    def run_left(self) -> float | None:
        """Seconds left in all generations, judged by those finished; None before the first is."""
        if not self._durations or self.status:
            return None
        usual = sum(self._durations) / len(self._durations)
        running = self.clock() - self._generation_began
        return max(0.0, usual - running) + usual * (self.of - self.generation)

    def progress_line(self) -> str:
        """Return phase, steps, rate, time left and numbers on one line."""
        parts = [f"{self.phase} {self.done}/{self.total}" if self.total else self.phase]
        if self.rate is not None:
            parts.append(f"{self.rate:.3g}/s")
        if self.phase_left is not None:
            parts.append(f"{duration(self.phase_left)} left")
        parts += [f"{name} {value:.3g}" for name, value in self.numbers.items()]
        return ", ".join(parts)

    def _on_generation(self, data: Mapping[str, Any]) -> None:
        self.generation, self.of = data["generation"], data["of"]
        self._generation_began = self.clock()
        self._enter("improving")

    def _on_phase(self, data: Mapping[str, Any]) -> None:
        self._enter(data.get("what", data["phase"]))

    def _on_progress(self, data: Mapping[str, Any]) -> None:
        if data["phase"] != self.phase or data["done"] < self.done:
            self._enter(data["phase"])
            self._done_before = data["done"]
        self.done, self.total = data["done"], data["total"]
        self.numbers = {k: v for k, v in data.items() if k not in _OWN and is_number(v)}

    def _on_finding(self, data: Mapping[str, Any]) -> None:
        self._note(f"finding {data['name']}: {data['message']}")

    def _on_decision(self, data: Mapping[str, Any]) -> None:
        self._durations.append(self.clock() - self._generation_began)
        self._generation_began = self.clock()
        self._note(f"generation {data['generation']}: {data['verb']}. {data['reason']}")

    def _on_end(self, data: Mapping[str, Any]) -> None:
        self.status = data["status"]

    def _enter(self, phase: str) -> None:
        self.phase, self.done, self.total, self.numbers = phase, 0, 0, {}
        self._phase_began, self._done_before = self.clock(), 0

    def _note(self, line: str) -> None:
        self.decisions = [*self.decisions, line][-_LAST:]


def is_number(value: object) -> bool:
    """Whether a value can be shown with digits."""
    return isinstance(value, int | float) and not isinstance(value, bool)
