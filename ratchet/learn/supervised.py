"""Supervised learning on the policy's own accepted attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ratchet.core.records import Trace
from ratchet.core.task import StopReason
from ratchet.engine.losses import Batch, CrossEntropy, Reduction
from ratchet.learn.rows import row_of, trainable
from ratchet.learn.update import Update


def passed(trace: Trace) -> bool:
    """Accept what was judged to be solved."""
    return trace.verdict.passed


def supervised(
    traces: Iterable[Trace],
    *,
    accept: Callable[[Trace], bool] = passed,
    reduction: Reduction = "tokens",
) -> Update:
    """Return cross-entropy on the policy tokens of accepted traces.

    Expert iteration by rejection sampling, as in STaR (arXiv 2203.14465) and ReST-EM (arXiv
    2312.06585). Deviations: the policy at hand is trained further, where both restart from the
    base in every round, and nothing is rationalised from a known answer. Attempts ended by an
    environment's error are never accepted.
    """
    everything = list(traces)
    accepted = [t for t in everything if t.attempt.stop is not StopReason.ERROR and accept(t)]
    rows = tuple(row for row in map(row_of, accepted) if trainable(row))
    return Update(
        Batch(rows), CrossEntropy(reduction), len(accepted), len(everything) - len(accepted)
    )
