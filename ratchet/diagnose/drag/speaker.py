"""Who is studied: anything that completes texts, behind an engine or behind an HTTP endpoint."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ratchet.core.task import StopReason
from ratchet.engine.protocol import Engine, Sampling


@dataclass(frozen=True)
class Said:
    """One completion."""

    text: str
    """What was written."""
    truncated: bool
    """Whether the token limit cut it off."""
    prompt_tokens: int
    """Tokens read."""
    tokens: int
    """Tokens written."""
    seconds: float
    """Share of the batch's wall time."""


@dataclass(frozen=True)
class Request:
    """How to complete."""

    seed: int
    """Seed of the call."""
    n: int
    """Completions for each prompt."""
    max_tokens: int
    """Most tokens of one."""
    temperature: float = 0.7
    """0 is greedy."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion."""


class Speaker(Protocol):
    """Completes texts; equal requests of equal seed give equal completions where it can promise."""

    @property
    def name(self) -> str:
        """Name of the model."""
        ...

    def complete(self, prompts: Sequence[str], request: Request) -> list[list[Said]]:
        """Return ``request.n`` completions for each prompt, in order."""
        ...


@dataclass(frozen=True)
class EngineSpeaker:
    """A policy of an engine."""

    engine: Engine
    """Where it lives."""
    policy: str
    """Its name there."""
    model: str = ""
    """Name of the model, for the card."""
    batch: int = 64
    """Prompts sampled at once."""

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.model or self.policy

    def complete(self, prompts: Sequence[str], request: Request) -> list[list[Said]]:
        """Sample in batches; the seed of each is that of the request and its place."""
        said: list[list[Said]] = []
        for start in range(0, len(prompts), self.batch):
            encoded = [
                self.engine.encode(self.policy, p) for p in prompts[start : start + self.batch]
            ]
            settings = Sampling(
                seed=(request.seed + start) % 2**63,
                max_tokens=request.max_tokens,
                n=request.n,
                temperature=request.temperature,
                stop=request.stop,
            )
            began = time.perf_counter()
            groups = self.engine.sample(self.policy, encoded, settings)
            share = (time.perf_counter() - began) / max(1, len(encoded) * request.n)
            said += [
                [
                    Said(
                        _without_stop(c.text, request.stop),
                        c.stop is StopReason.LENGTH,
                        len(prompt),
                        len(c.tokens),
                        share,
                    )
                    for c in group
                ]
                for prompt, group in zip(encoded, groups, strict=True)
            ]
        return said


def _without_stop(text: str, stops: Sequence[str]) -> str:
    for stop in stops:
        text = text.removesuffix(stop)
    return text
