"""Quality of a query and its answer by yes/no criteria: Language Self-Play's self-reward.

arXiv 2509.07414 asks the frozen first model for a sum of seven criteria, two about the instruction
and five about the response, and reads it from a tag. A small model's tag cannot be read, so here
every criterion is a question of its own, and its score is the share of "yes" among the
probabilities of "yes" and "no": in (0, 1), and always there. The whole is the mean of the seven,
so that a verifier's 0 or 1 is not drowned by a sum up to 7. Both groups are kept apart: a
challenger that is paid for the response's quality too earns from easy queries.

A judge knows no truth. The corrupted ones are controls: what is gained with them is not due to
what a judge knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ratchet.engine.protocol import Engine

Pair = tuple[str, str]
"""A query and a response to it."""
Corruption = Literal["no", "permuted", "constant"]


@dataclass(frozen=True)
class Criterion:
    """One question about a query, or about a query and its response."""

    about: Literal["instruction", "response"]
    """What it looks at."""
    question: str
    """As the judge reads it."""


CRITERIA = (
    Criterion("instruction", "Can one tell what the question asks for?"),
    Criterion("instruction", "Is the question clear and complete?"),
    Criterion("response", "Can the answer be understood?"),
    Criterion("response", "Does the answer deal with a large part of the question?"),
    Criterion("response", "Does the answer settle the core of the question?"),
    Criterion("response", "Is the answer well written?"),
    Criterion("response", "Will the form of the answer please the one who asked?"),
)
_PARTS = tuple(sum(c.about == part for c in CRITERIA) for part in ("instruction", "response"))


@dataclass(frozen=True)
class Quality:
    """Means of the criteria, in [0, 1]."""

    instruction: float
    """Of those about the instruction."""
    response: float
    """Of those about the response."""

    @property
    def mean(self) -> float:
        """Mean of all criteria: R_Q / 7."""
        both = zip(_PARTS, (self.instruction, self.response), strict=True)
        return sum(n * value for n, value in both) / len(CRITERIA)


Judge = Callable[[Sequence[Pair]], list[Quality]]
"""Judges pairs, one by one: equal pairs have equal quality."""


@dataclass(frozen=True)
class Shot:
    """A worked example for a judge: small models cannot be asked without."""

    pair: Pair
    """Query and response."""
    instruction: bool
    """What to say to every criterion about the query."""
    response: bool
    """What to say to every criterion about the response."""


@dataclass(frozen=True)
class SelfJudge:
    """Asks a policy, which should be the frozen first one: a live judge drifts with the solver."""

    engine: Engine
    policy: str
    shots: Sequence[Shot] = ()
    """Shown before every pair; they say nothing of a pair that is judged."""

    def __call__(self, pairs: Sequence[Pair]) -> list[Quality]:
        """Return the quality of each pair; what is asked twice is scored once."""
        asked = {
            (criterion, pair[0], pair[1] * (criterion.about == "response"))
            for pair in pairs
            for criterion in CRITERIA
        }
        order = sorted(asked, key=lambda one: (CRITERIA.index(one[0]), one[1:]))
        prompts = [self._fill(*one) for one in order]
        shares = dict(zip(order, self._ask(prompts), strict=True))

        def mean(part: str, pair: Pair) -> float:
            texts = (pair[0], pair[1] * (part == "response"))
            found = [shares[c, *texts] for c in CRITERIA if c.about == part]
            return sum(found) / len(found)

        return [Quality(mean("instruction", pair), mean("response", pair)) for pair in pairs]

    def _fill(self, criterion: Criterion, query: str, response: str) -> str:
        """Return the criterion, the examples and what is to be judged."""
        told = [(_show(criterion, *s.pair), getattr(s, criterion.about)) for s in self.shots]
        shown = "".join(f"{text}{' yes' if said else ' no'}\n" for text, said in told)
        return f"{criterion.question}\n{shown}{_show(criterion, query, response)}"

    def _ask(self, prompts: Sequence[str]) -> list[float]:
        heads = [self.engine.encode(self.policy, prompt) for prompt in prompts]
        tails = [self.engine.encode(self.policy, word) for word in (" yes", " no")]
        rows = [(*head, *tail) for head in heads for tail in tails]
        scored = self.engine.score(self.policy, rows)
        words = [len(tail) for tail in tails] * len(heads)
        told = [sum(one.logprobs[-n:]) for one, n in zip(scored, words, strict=True)]
        return [_share(yes, no) for yes, no in zip(told[::2], told[1::2], strict=True)]


def _show(criterion: Criterion, query: str, response: str) -> str:
    answer = f" Answer: {response}" if criterion.about == "response" else ""
    return f"Question: {query}{answer} Yes or no:"


def _share(yes: float, no: float) -> float:
    return 1.0 / (1.0 + math.exp(min(50.0, max(-50.0, no - yes))))


@dataclass(frozen=True)
class RuleJudge:
    """Judges by form: a stand-in where a model is too small to know yes from no.

    A query that states a task has both criteria of the instruction; a response that can be read is
    understandable and well written, and has the other three too if the query states a task. So
    nonsense with a neat answer has 2 of 7, and nothing is known of what is right.
    """

    states_task: Callable[[str], bool]
    """Whether a query states a task."""
    reads: Callable[[str], bool]
    """Whether a response holds an answer at all."""

    def __call__(self, pairs: Sequence[Pair]) -> list[Quality]:
        """Return the quality of each pair."""
        found = []
        for query, response in pairs:
            posed, readable = self.states_task(query), self.reads(response)
            found.append(Quality(float(posed), readable * (2.0 + 3.0 * posed) / _PARTS[1]))
        return found


def corrupt(scores: Sequence[Quality], how: Corruption, rng: np.random.Generator) -> list[Quality]:
    """Return the scores as they are, dealt out anew among the pairs, or all one half."""
    if how == "constant":
        return [Quality(0.5, 0.5)] * len(scores)
    return [scores[i] for i in rng.permutation(len(scores))] if how == "permuted" else list(scores)
