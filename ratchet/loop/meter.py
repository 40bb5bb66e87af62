"""What something cost: seconds, tokens, peak memory. Apart from all that is compared."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

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
    """Return peak resident memory of this process and its largest child, in MB (2**20 bytes)."""
    kilobytes = sum(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return kilobytes / 1024
