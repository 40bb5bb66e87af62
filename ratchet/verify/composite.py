"""What an attempt earns by what could be read of it: right, wrong, or not in the form asked for."""

from __future__ import annotations

from dataclasses import replace

from ratchet.core.records import Trace
from ratchet.core.task import Verdict


def composite(verdict: Verdict, wrong: float = -0.5, unread: float = -1.0) -> float:
    """Return the reward of a verdict where that is above 0; else ``wrong`` for an answer that could
    be read and ``unread`` for what could not. Absolute Zero, arXiv 2505.03335, equation 6."""
    if verdict.reward > 0.0:
        return verdict.reward
    return wrong if verdict.parsed else unread


def shaped(trace: Trace, wrong: float = -0.5, unread: float = -1.0) -> Trace:
    """Return a trace for learning, with the composite reward; the record keeps the verdict's."""
    reward = composite(trace.verdict, wrong, unread)
    return replace(trace, verdict=replace(trace.verdict, reward=reward))
