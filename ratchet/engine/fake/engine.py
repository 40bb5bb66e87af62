"""The fake engine: named policies on scripted and tabular bases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from ratchet.core.config import nearest
from ratchet.core.errors import EngineError
from ratchet.engine.fake import files
from ratchet.engine.fake.bases import Scripted, Tabular
from ratchet.engine.fake.characters import encode
from ratchet.engine.fake.scripted import ScriptedPolicy
from ratchet.engine.fake.table import Table
from ratchet.engine.fake.tabular import TabularPolicy
from ratchet.engine.losses import Batch, Loss, LossReport
from ratchet.engine.protocol import (
    Adapter,
    Completion,
    Follow,
    Full,
    Optim,
    Sampling,
    Scored,
    StepReport,
)
from ratchet.engine.turns import take_turns
from ratchet.engine.validate import check_batch, check_sampling

Policy = ScriptedPolicy | TabularPolicy


class FakeEngine:
    """An engine in numpy; see ``ratchet.engine.protocol.Engine`` for every verb.

    A table has no low-rank form: ``Adapter`` and ``Full`` mean the same here.
    """

    def __init__(self, bases: Mapping[str, Scripted | Tabular]) -> None:
        self._bases = dict(bases)
        self._policies: dict[str, Policy] = {}
        self._base_of: dict[str, str] = {}
        self._pinned: set[str] = set()
        self._pins = 0

    def create(self, name: str, base: str, kind: Adapter | Full, seed: int = 0) -> None:
        """Make a policy equal to its base; nothing in it is random, so ``seed`` has no effect."""
        self._add(name, base, _policy(self._base(base)))

    def drop(self, name: str) -> None:
        """Forget a policy or a pinned reference."""
        self._get(name)
        del self._policies[name], self._base_of[name]
        self._pinned.discard(name)

    def encode(self, name: str, text: str) -> tuple[int, ...]:
        """Return the text's code points; a text never encodes to actions."""
        self._get(name)
        return encode(text)

    def decode(self, name: str, tokens: Sequence[int]) -> str:
        """Return characters as they are and actions joined by a space."""
        return self._get(name).decode(tokens)

    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        """Sample completions for each prompt, turn by turn if there is ``follow``."""
        if follow is not None:
            return take_turns(partial(self.sample, name), prompts, sampling, follow)
        policy = self._get(name)
        check_sampling(sampling, len(prompts))
        for index, prompt in enumerate(prompts):
            if not prompt:
                raise EngineError(f"prompt {index} is empty", "pass at least one token")
        return policy.sample(prompts, sampling)

    def score(self, name: str, sequences: Sequence[Sequence[int]], topk: int = 0) -> list[Scored]:
        """Return log-probabilities at temperature 1."""
        policy = self._get(name)
        for index, tokens in enumerate(sequences):
            if not tokens:
                raise EngineError(f"sequence {index} is empty", "pass at least one token")
        return policy.score(sequences, topk)

    def forward_backward(self, name: str, batch: Batch, loss: Loss) -> LossReport:
        """Add the exact gradient of the loss."""
        policy = self._trainable(name)
        check_batch(batch, loss)
        return policy.forward_backward(batch, loss)

    def optim_step(self, name: str, optim: Optim) -> StepReport:
        """Take an AdamW step."""
        return self._trainable(name).optim_step(optim)

    def pin(self, name: str) -> str:
        """Return the name of an immutable copy."""
        copied = self._get(name).copy()
        while (pinned := f"{name}@{self._pins}") in self._policies:
            self._pins += 1
        self._pins += 1
        self._add(pinned, self._base_of[name], copied)
        self._pinned.add(pinned)
        return pinned

    def save(self, name: str, folder: Path, optimiser: bool = True) -> None:
        """Write a policy as JSON; a pinned reference has no optimiser to write."""
        policy = self._get(name)
        actions, length = _shape(policy.base)
        saved = files.SavedPolicy(self._base_of[name], actions, length)
        table = policy.table if isinstance(policy, TabularPolicy) else Table()
        files.write(folder, saved, table, optimiser and name not in self._pinned)

    def load(self, name: str, folder: Path) -> None:
        """Make a policy from a saved folder; its base must be there and have the same actions."""
        saved, table = files.read(folder)
        base = self._base(saved.base)
        if _shape(base) != (saved.actions, saved.length):
            raise EngineError(
                f"{folder} was saved from a base {saved.base!r} with other actions",
                "open it with the engine that saved it",
            )
        self._add(name, saved.base, _policy(base, table))

    def supports(self, loss: Loss) -> str | None:
        """Return None: a table computes every loss exactly."""
        return None

    def _add(self, name: str, base: str, policy: Policy) -> None:
        if name in self._policies:
            raise EngineError(f"the name {name!r} is taken", "drop it first or take another name")
        self._policies[name] = policy
        self._base_of[name] = base

    def _get(self, name: str) -> Policy:
        if name not in self._policies:
            raise EngineError(
                f"no policy is named {name!r}{nearest(name, list(self._policies))}",
                "create or load it first",
            )
        return self._policies[name]

    def _trainable(self, name: str) -> Policy:
        policy = self._get(name)
        if name in self._pinned:
            raise EngineError(f"{name!r} is pinned and never changes", "train the policy itself")
        return policy

    def _base(self, name: str) -> Scripted | Tabular:
        if name not in self._bases:
            raise EngineError(
                f"no base is named {name!r}{nearest(name, list(self._bases))}",
                f"use one of {', '.join(sorted(self._bases))}",
            )
        return self._bases[name]


def _policy(base: Scripted | Tabular, table: Table | None = None) -> Policy:
    return ScriptedPolicy(base) if isinstance(base, Scripted) else TabularPolicy(base, table)


def _shape(base: Scripted | Tabular) -> tuple[tuple[str, ...], int]:
    return (base.actions, base.length) if isinstance(base, Tabular) else ((), 0)
