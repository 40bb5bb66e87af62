"""The contract of an engine: the verbs by which policies are made, sampled, scored and trained.

They are the verbs of the Tinker API, which SkyRL, verl and hosted services serve, so that one
adapter reaches existing distributed trainers. An engine knows tokens and policies; it knows nothing
of tasks, rewards or generations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ratchet.core.task import StopReason
from ratchet.engine.losses import Batch, Loss, LossReport


@dataclass(frozen=True)
class Adapter:
    """Train low-rank additions to a shared, frozen base (LoRA, arXiv 2106.09685)."""

    rank: int = 16
    """Rank of each addition."""
    alpha: float = 32.0
    """Scale: the addition is multiplied by alpha / rank."""


@dataclass(frozen=True)
class Full:
    """Train a full copy of the base."""


@dataclass(frozen=True)
class Sampling:
    """How to sample."""

    seed: int
    """Seed of this call: same policy, prompts and seed give the same completions."""
    max_tokens: int
    """Most tokens written in one row, over all its completions where it goes on."""
    n: int = 1
    """Completions for each prompt."""
    temperature: float = 1.0
    """0 is greedy: log-probabilities are then those at temperature 1."""
    top_p: float = 1.0
    """Nucleus share in (0, 1]."""
    top_k: int = 0
    """Most candidates a token; 0 is no limit."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion; the completion keeps the text."""
    limits: tuple[int, ...] = ()
    """Most tokens of each prompt's rows, in 1..max_tokens; empty: max_tokens for all."""

    def limit(self, prompt: int) -> int:
        """Return the most tokens of a row of the prompt with this number."""
        return self.limits[prompt] if self.limits else self.max_tokens


@dataclass(frozen=True)
class Completion:
    """What a policy wrote."""

    tokens: tuple[int, ...]
    """Token ids, without the end-of-text token unless it was sampled."""
    logprobs: tuple[float, ...]
    """Log-probability of each token under the distribution it was sampled from."""
    text: str
    """The tokens as text, special tokens left out."""
    stop: StopReason
    """END or LENGTH."""


Follow = Callable[[int, Completion], Sequence[int] | None]
"""Is told of each completion that ends and returns the tokens that its row goes on with, or None.

The number is the row's place: prompt * n + draw. Of the engine's verbs it may use only ``encode``
and ``decode``; what it raises ends the call.
"""


@dataclass(frozen=True)
class Scored:
    """Log-probabilities of given tokens."""

    logprobs: tuple[float, ...]
    """One per token after the first, at temperature 1: entry t scores token t + 1."""
    top: tuple[tuple[tuple[int, float], ...], ...] = ()
    """For each of these positions the ``topk`` likeliest (token, log-probability), best first."""


@dataclass(frozen=True)
class Optim:
    """One AdamW step (arXiv 1711.05101)."""

    lr: float
    """Learning rate."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay of the two moments."""
    eps: float = 1e-8
    """Added to the denominator."""
    weight_decay: float = 0.0
    """Decoupled weight decay."""
    max_grad_norm: float = 1.0
    """The gradient is scaled down to this norm; 0 is no limit."""


@dataclass(frozen=True)
class StepReport:
    """What an optimiser step did."""

    grad_norm: float
    """Norm of the gradient before it was scaled down."""


class Engine(Protocol):
    """Named policies on shared bases. A taken or unknown name is an EngineError."""

    def create(self, name: str, base: str, kind: Adapter | Full, seed: int = 0) -> None:
        """Make a trainable policy that starts out equal to its base."""
        ...

    def drop(self, name: str) -> None:
        """Forget a policy or a pinned reference and free its memory."""
        ...

    def encode(self, name: str, text: str) -> tuple[int, ...]:
        """Return the token ids of a text for this policy, without special tokens added."""
        ...

    def decode(self, name: str, tokens: Sequence[int]) -> str:
        """Return the text of token ids, special tokens left out."""
        ...

    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        """Write ``sampling.n`` rows for each prompt and return their completions in order.

        With ``follow`` a row whose completion has ended goes on with the tokens it returns, and
        writes a further completion; the last one is returned. It is told of every completion once,
        in the order of a row, and in a repeatable order of rows. Tokens that it returns are not
        counted in a limit; once a row's limit is used up, what it returns is ignored. A row's draws
        depend on the seed, its place and what is in the row, not on the other rows.
        """
        ...

    def score(self, name: str, sequences: Sequence[Sequence[int]], topk: int = 0) -> list[Scored]:
        """Return the log-probability of every token after the first of each sequence."""
        ...

    def forward_backward(self, name: str, batch: Batch, loss: Loss) -> LossReport:
        """Add the gradient of the loss on this batch; nothing moves until ``optim_step``.

        Raises EngineError if ``supports(loss)`` gives a reason, and on a loss that is not finite
        (the gradient is then discarded).
        """
        ...

    def optim_step(self, name: str, optim: Optim) -> StepReport:
        """Apply the gathered gradient and clear it; without any gathered, EngineError."""
        ...

    def pin(self, name: str) -> str:
        """Return the name of an immutable copy, to be sampled and scored while training goes on."""
        ...

    def save(self, name: str, folder: Path, optimiser: bool = True) -> None:
        """Write the policy's own weights, and its optimiser's moments unless told not to."""
        ...

    def load(self, name: str, folder: Path) -> None:
        """Make a new policy from a saved folder, bit for bit; unsaved moments start fresh."""
        ...

    def supports(self, loss: Loss) -> str | None:
        """Return None if the engine computes this loss exactly, else the reason why not."""
        ...
