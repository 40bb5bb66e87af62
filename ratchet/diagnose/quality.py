"""The quality probe: what training on one thing did to everyday English.

200 short texts of our own (``everyday.txt``) are scored before and after; the figure is the
relative change of perplexity, paired by text. It is a smoke alarm, not a benchmark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.engine.protocol import Engine
from ratchet.stats import Interval, paired_bootstrap


@dataclass(frozen=True)
class Quality:
    """Perplexity before and after, and its relative change."""

    before: float
    """Perplexity by token before."""
    after: float
    """Perplexity by token after."""
    relative: Interval
    """after / before - 1, with its 95% interval over texts."""


_MOST_NATS = 50.0
"""Cap of the mean negative log-likelihood, so that a diverged policy has a finite perplexity."""


def everyday_texts() -> list[str]:
    """Return the 200 texts."""
    text = resources.files("ratchet.diagnose").joinpath("everyday.txt").read_text("utf-8")
    return [line for line in text.splitlines() if line]


def score_texts(engine: Engine, policy: str, texts: Sequence[str]) -> list[tuple[float, int]]:
    """Return the negative log-likelihood of each text and its number of scored tokens."""
    scored = engine.score(policy, [engine.encode(policy, text) for text in texts])
    return [(-sum(one.logprobs), len(one.logprobs)) for one in scored]


def compare_quality(
    before: Sequence[tuple[float, int]], after: Sequence[tuple[float, int]], seed: Seed
) -> Quality:
    """Compare two scorings of the same texts.

    The interval is that of the mean difference of log-likelihood per token over texts, turned into
    a ratio of perplexities; texts count equally in it.
    """
    changes = [(b - a) / n for (a, n), (b, _) in zip(before, after, strict=True)]
    largest = max(0.1, *(abs(change) for change in changes))
    change = paired_bootstrap(changes, rng=seed.rng(), bound=largest)
    relative = Interval(
        math.expm1(change.mean), math.expm1(change.low), math.expm1(change.high), change.n
    )
    return Quality(_perplexity(before), _perplexity(after), relative)


def _perplexity(scored: Sequence[tuple[float, int]]) -> float:
    total, tokens = np.sum(np.array(scored, dtype=np.float64), axis=0)
    return math.exp(min(total / tokens, _MOST_NATS))
