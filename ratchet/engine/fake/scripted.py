"""A policy that a function writes."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.core.errors import EngineError
from ratchet.core.seeds import Seed
from ratchet.core.task import StopReason
from ratchet.engine.fake.bases import Scripted
from ratchet.engine.fake.characters import decode, encode
from ratchet.engine.losses import Batch, Loss, LossReport
from ratchet.engine.protocol import Completion, Optim, Sampling, Scored, StepReport


class ScriptedPolicy:
    """Draws completions from a function; every token has probability 1."""

    def __init__(self, base: Scripted) -> None:
        self.base = base

    def copy(self) -> ScriptedPolicy:
        """Return another policy of the same script."""
        return ScriptedPolicy(self.base)

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the characters."""
        return decode(tokens)

    def sample(
        self, prompts: Sequence[Sequence[int]], sampling: Sampling
    ) -> list[list[Completion]]:
        """Ask the script once for every draw."""
        seed = Seed(sampling.seed).child("scripted")
        return [
            [
                _cut(
                    self.base.reply(
                        decode(prompt),
                        seed.child(at, draw).integer() if sampling.temperature > 0.0 else 0,
                    ),
                    sampling,
                    sampling.limit(at),
                )
                for draw in range(sampling.n)
            ]
            for at, prompt in enumerate(prompts)
        ]

    def score(self, sequences: Sequence[Sequence[int]], topk: int) -> list[Scored]:
        """Return zeros."""
        return [
            Scored(
                (0.0,) * (len(tokens) - 1),
                tuple(((token, 0.0),) for token in tokens[1:]) if topk else (),
            )
            for tokens in sequences
        ]

    def forward_backward(self, batch: Batch, loss: Loss) -> LossReport:
        """Refuse."""
        raise _no_training()

    def optim_step(self, optim: Optim) -> StepReport:
        """Refuse."""
        raise _no_training()


def _cut(text: str, sampling: Sampling, limit: int) -> Completion:
    """End a text after its first stop text and at the token limit."""
    ends = [text.find(stop) + len(stop) for stop in sampling.stop if stop in text]
    text = text[: min(ends)] if ends else text
    stop = StopReason.END if len(text) <= limit else StopReason.LENGTH
    text = text[:limit]
    return Completion(encode(text), (0.0,) * len(text), text, stop)


def _no_training() -> EngineError:
    return EngineError(
        "a scripted policy is a function and has no weights to train",
        "create the policy from a Tabular base",
    )
