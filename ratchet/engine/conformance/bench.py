"""What the checks share: an engine under test with helpers to sample, score, step and compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from ratchet.core.errors import EngineError, RatchetError
from ratchet.engine.losses import Batch, CrossEntropy, Loss, LossReport, Row
from ratchet.engine.protocol import Adapter, Completion, Engine, Full, Optim, Sampling, StepReport

Tokens = tuple[int, ...]

MAX_TOKENS = 6
"""Most tokens of a completion in this suite."""
FLAT = 1e4
"""An ``eps`` far above any gradient: AdamW's first step is then lr / eps times the gradient."""


class ConformanceError(RatchetError):
    """An engine does not do what its contract says."""


class Broken(Exception):
    """A check found a fault."""


def require(fact: bool, message: str) -> None:
    """Raise Broken with the message unless the fact holds."""
    if not fact:
        raise Broken(message)


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Require that the block raises EngineError."""
    try:
        yield
    except EngineError:
        return
    raise Broken(f"{what} was not refused with an EngineError")


@dataclass
class Bench:
    """One engine, one base, a few prompts."""

    make: Callable[[], Engine]
    """Returns a fresh engine."""
    base: str
    """The base under test."""
    prompts: tuple[str, ...]
    """Texts to sample from."""
    trainable: Adapter | Full
    """How policies are trained."""
    tolerance: float
    """Rounding in a log-probability, nats."""
    names: list[str] = field(default_factory=list)
    """Policies made so far."""

    @cached_property
    def engine(self) -> Engine:
        """The engine under test."""
        return self.make()

    def policy(self, seed: int = 0) -> str:
        """Make one more policy and return its name."""
        self.names.append(f"policy-{len(self.names)}")
        self.engine.create(self.names[-1], self.base, self.trainable, seed)
        return self.names[-1]

    def close(self) -> None:
        """Drop every policy that is still there."""
        for name in self.names:
            try:
                self.engine.drop(name)
            except EngineError:
                continue

    def encode(self, name: str) -> list[Tokens]:
        """Return the prompts' tokens."""
        return [self.engine.encode(name, text) for text in self.prompts]

    def sample(
        self, name: str, seed: int = 0, n: int = 1, temperature: float = 1.0, top_k: int = 0
    ) -> list[list[Completion]]:
        """Sample completions of all prompts."""
        sampling = Sampling(seed, MAX_TOKENS, n, temperature, top_k=top_k)
        return self.engine.sample(name, self.encode(name), sampling)

    def pairs(self, name: str, n: int = 2, seed: int = 0) -> list[tuple[Tokens, Completion]]:
        """Return (prompt tokens, sampled completion) for all completions that are not empty."""
        drawn = zip(self.encode(name), self.sample(name, seed, n), strict=True)
        found = [(prompt, c) for prompt, draws in drawn for c in draws if c.tokens]
        require(len(found) >= 2, "fewer than two completions have a token: choose other prompts")
        return found

    def lines(self, name: str) -> list[Row]:
        """Return rows of distinct sequences: weight 1 on completions, 0 on prompts."""
        distinct = {(p, c.tokens): None for p, c in self.pairs(name, n=3)}
        return [planted(prompt, tokens) for prompt, tokens in list(distinct)[:4]]

    def lps(
        self, name: str, rows: Sequence[Row], engine: Engine | None = None
    ) -> list[list[float]]:
        """Return for each row one log-probability a token, 0 for the first."""
        scored = (engine or self.engine).score(name, [row.tokens for row in rows])
        return [[0.0, *one.logprobs] for one in scored]

    def total(self, name: str, row: Row) -> float:
        """Return the weighted log-probability of a row."""
        return sum(w * lp for w, lp in zip(row.weights, self.lps(name, [row])[0], strict=True))

    def train(
        self, name: str, rows: Sequence[Row], loss: Loss | None = None, optim: Optim | None = None
    ) -> tuple[LossReport, StepReport]:
        """Take one step; by default cross-entropy and ordinary AdamW."""
        report = self.engine.forward_backward(name, Batch(tuple(rows)), loss or CrossEntropy())
        return report, self.engine.optim_step(name, optim or Optim(lr=0.01))

    def nudge(self, rows: Sequence[Row], loss: Loss, fall: float) -> tuple[str, float]:
        """Take a plain gradient step on a new policy, sized to lower the loss by ``fall``.

        Returns the policy and the gradient's norm, found on a policy of its own so that the step
        is the optimiser's first; no step is taken if the norm is 0.
        """
        probe, name = self.policy(), self.policy()
        _, step = self.train(probe, rows, loss, Optim(lr=0.0, max_grad_norm=0.0))
        if step.grad_norm > 0.0:
            self.train(name, rows, loss, descent(fall / step.grad_norm**2))
        return name, step.grad_norm

    def same(self, left: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> bool:
        """Return whether two sets of log-probabilities agree within the tolerance."""
        return spread(left, right) <= self.tolerance


def descent(rate: float) -> Optim:
    """Return an optimiser whose first step is ``rate`` times the plain gradient."""
    return Optim(lr=rate * FLAT, eps=FLAT, max_grad_norm=0.0)


def planted(prompt: Tokens, tokens: Sequence[int]) -> Row:
    """Return a row with weight 1 on the tokens after the prompt."""
    weights = (0.0,) * len(prompt) + (1.0,) * len(tokens)
    return Row((*prompt, *tokens), weights)


def spread(left: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> float:
    """Return the largest difference between two sets of numbers of the same shape."""
    return max(
        (abs(a - b) for x, y in zip(left, right, strict=True) for a, b in zip(x, y, strict=True)),
        default=0.0,
    )
