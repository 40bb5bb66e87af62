"""From a trace to a row: only what the policy wrote is trained on."""

from __future__ import annotations

from dataclasses import replace

from ratchet.core.records import Trace
from ratchet.engine.losses import Row


def row_of(trace: Trace) -> Row:
    """Return the trace's turns as one sequence, in order.

    Policy tokens have weight 1 and the log-probability they were sampled with; prompt, user and
    tool tokens have weight 0 and log-probability 0. Raises ValueError on a policy turn without
    one log-probability a token.
    """
    tokens: list[int] = []
    weights: list[float] = []
    logprobs: list[float] = []
    for index, turn in enumerate(trace.attempt.turns):
        written = turn.role == "policy"
        if written and len(turn.logprobs) != len(turn.tokens):
            raise ValueError(
                f"task {trace.task.id}, turn {index}: {len(turn.logprobs)} log-probabilities "
                f"for {len(turn.tokens)} policy tokens"
            )
        tokens.extend(turn.tokens)
        weights.extend([1.0 if written else 0.0] * len(turn.tokens))
        logprobs.extend(turn.logprobs if written else [0.0] * len(turn.tokens))
    return Row(tuple(tokens), tuple(weights), old_logprobs=tuple(logprobs))


def trainable(row: Row) -> bool:
    """Return whether the row has a token to train: one after the first with a weight."""
    return any(row.weights[1:])


def with_advantage(row: Row, advantage: float, clip_low: float, clip_high: float) -> Row:
    """Return the row with one advantage and one pair of ratio bounds for all its tokens."""
    size = len(row.tokens)
    return replace(
        row,
        advantages=(advantage,) * size,
        clip_low=(clip_low,) * size,
        clip_high=(clip_high,) * size,
    )
