"""Fallback-behaviour fine-tuning: on noticing that a draft is wrong, start over; else adopt it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.learn.update import Update


@dataclass(frozen=True)
class Drafted:
    """A problem with a draft, and the reply that is to be learned."""

    prompt: tuple[int, ...]
    """Tokens of the problem with its draft, up to where the verdict is due."""
    verdict: tuple[int, ...]
    """Tokens of the verdict, and of the words that start over where it is "wrong"."""
    solution: tuple[int, ...]
    """Tokens of a right solution: an independent clean one after a wrong draft, else the draft."""
    draft_right: bool
    """Whether the draft is right."""


def fallback(examples: Sequence[Drafted]) -> Update:
    """Return cross-entropy on verdict and solution, half wrong drafts and half right ones.

    Mitigation B of "Contextual Drag" (arXiv 2602.04288). The larger half is cut, in the order
    given, since a model shown more wrong drafts than right ones learns to distrust all of them.
    Deviation: verdicts are those of the checker, where the paper keeps what the model itself judged
    right; what is stitched is short.
    """
    halves = [[e for e in examples if e.draft_right is side] for side in (False, True)]
    size = min(map(len, halves))
    kept = [example for half in halves for example in half[:size]]
    rows = tuple(_row(example) for example in kept)
    return Update(Batch(rows), CrossEntropy(), len(kept), len(examples) - len(kept))


def _row(example: Drafted) -> Row:
    target = example.verdict + example.solution
    weights = (0.0,) * len(example.prompt) + (1.0,) * len(target)
    return Row(example.prompt + target, weights)
