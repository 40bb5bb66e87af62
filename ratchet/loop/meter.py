"""What something cost: seconds, tokens, peak memory. Apart from all that is compared."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

from ratchet.core.task import Cost


class Meter:
    """Counts from its making to the reading."""

    def __init__(self, spent: Callable[[], Cost]) -> None:
        self._spent, self._before = spent, spent()
        self._began = time.monotonic()

    def read(self) -> dict[str, float]:
        """Return wall seconds, tokens generated and read, tool calls, and peak memory so far."""
        now = self._spent()
        return {
            "wall_s": max(0.0, round(time.monotonic() - self._began, 3)),
            "tokens": now.tokens - self._before.tokens,
            "prompt_tokens": now.prompt_tokens - self._before.prompt_tokens,
            "tool_calls": now.tool_calls - self._before.tool_calls,
            "peak_rss_mb": round(peak_rss_mb(), 1),
        }


def peak_rss_mb() -> float:
    """Return peak resident memory of this process and its living children, in MB (2**20 bytes).

    The kernel's own figure for children that have ended counts this process as it was when it made
    them, so it is not used.
    """
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (kilobytes + sum(map(_peak_of, _list_children()))) / 1024


def _list_children() -> list[str]:
    """Return the ids of the processes that this one has started; none where the kernel does not
    tell."""
    found = Path("/proc/self/task").glob("*/children")
    return [child for file in found for child in _read(file).split()]


def _peak_of(process: str) -> int:
    """Return the peak of a process in kB, or 0 if it has just ended."""
    status = _read(Path("/proc") / process / "status")
    lines = [line.split() for line in status.splitlines()]
    return next((int(line[1]) for line in lines if line[:1] == ["VmHWM:"]), 0)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the process is gone
        return ""
