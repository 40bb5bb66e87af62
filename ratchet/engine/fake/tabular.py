"""A policy whose every choice is a softmax over a table row: sampled, scored, trained exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ratchet.core.errors import EngineError
from ratchet.core.seeds import Seed
from ratchet.core.task import StopReason
from ratchet.engine.fake.bases import Tabular
from ratchet.engine.fake.characters import FIRST_ACTION, decode
from ratchet.engine.fake.table import Key, Table
from ratchet.engine.losses import Batch, Loss, LossReport, Row
from ratchet.engine.protocol import Completion, Optim, Sampling, Scored, StepReport
from ratchet.engine.reference import Array, log_softmax, loss_and_grad


class TabularPolicy:
    """A table over one ``Tabular`` base."""

    def __init__(self, base: Tabular, table: Table | None = None) -> None:
        self.base = base
        self.table = table or Table()
        self._gathered: dict[Key, Array] = {}
        self._has_gradient = False

    def copy(self) -> TabularPolicy:
        """Return a policy with the same weights and no moments."""
        return TabularPolicy(self.base, self.table.weights_only())

    def decode(self, tokens: Sequence[int]) -> str:
        """Return characters and actions as text."""
        return decode(tokens, self.base.actions)

    def sample(
        self, prompts: Sequence[Sequence[int]], sampling: Sampling
    ) -> list[list[Completion]]:
        """Draw completions; one uniform number for each prompt, draw and step."""
        shape = (len(prompts), sampling.n, self.base.length)
        uniform = Seed(sampling.seed).child("tabular").rng().random(shape)
        rows: dict[Key, tuple[Array, Array]] = {}
        return [
            [
                self._draw(self._place(prompt), each, sampling, sampling.limit(at), rows)
                for each in draws
            ]
            for at, (prompt, draws) in enumerate(zip(prompts, uniform, strict=True))
        ]

    def score(self, sequences: Sequence[Sequence[int]], topk: int) -> list[Scored]:
        """Score actions by the table; characters and the end token have log-probability 0."""
        return [self._score(tokens, topk) for tokens in sequences]

    def forward_backward(self, batch: Batch, loss: Loss) -> LossReport:
        """Add the exact gradient in the logits of every key that the batch visits."""
        keys = [self._keys(row.tokens) for row in batch.rows]
        rows = [self._compact(i, row) for i, row in enumerate(batch.rows)]
        nothing = np.zeros(len(self.base.actions))
        logits = [
            np.stack([self._logits(key) if key else nothing for key in of_row])
            if of_row
            else np.zeros((0, len(nothing)))
            for of_row in keys
        ]
        report, grads = loss_and_grad(logits, Batch(tuple(rows)), loss)
        for row, of_row, grad in zip(rows, keys, grads, strict=True):
            for t, key in enumerate(of_row):
                if key and row.weights[t + 1] != 0.0:
                    self._gathered[key] = self._gathered.get(key, 0.0) + grad[t]
        self._has_gradient = True
        return report

    def optim_step(self, optim: Optim) -> StepReport:
        """Take an AdamW step over the keys touched so far."""
        if not self._has_gradient:
            raise EngineError("no gradient was gathered", "call forward_backward first")
        start = {key: self._logits(key) for key in self._gathered}
        norm = self.table.step(self._gathered, start, optim)
        self._gathered, self._has_gradient = {}, False
        return StepReport(norm)

    def _logits(self, key: Key) -> Array:
        if key in self.table.logits:
            return self.table.logits[key]
        if self.base.prior is None:
            return np.zeros(len(self.base.actions))
        prior = np.asarray(self.base.prior(key[0]), dtype=np.float64)
        if prior.shape != (len(self.base.actions),) or not np.isfinite(prior).all():
            raise EngineError(
                f"the prior of context {key[0]!r} is not one finite logit an action",
                f"return {len(self.base.actions)} numbers",
            )
        return prior

    def _is_action(self, token: int) -> bool:
        return FIRST_ACTION <= token < FIRST_ACTION + len(self.base.actions)

    def _place(self, tokens: Sequence[int]) -> tuple[str, tuple[int, ...]]:
        """Return the context of what comes next, and the run of actions that a prompt ends with."""
        start = len(tokens)
        while start > 0 and self._is_action(tokens[start - 1]):
            start -= 1
        done = tuple(token - FIRST_ACTION for token in tokens[start:])
        if len(done) > self.base.length:
            raise EngineError(
                f"a run of {len(done)} actions, but the policy writes {self.base.length}",
                "put text between two runs of actions",
            )
        return self.base.context(self.decode(tokens[:start])), done

    def _keys(self, tokens: Sequence[int]) -> list[Key | None]:
        """Return for each token after the first the key it was drawn by; None for a character."""
        self.decode(tokens)
        keys: list[Key | None] = []
        for at in range(1, len(tokens)):
            before = keys[-1] if keys else None
            if not self._is_action(tokens[at]):
                keys.append(None)
            elif before is None or len(before[1]) + 1 >= self.base.length:
                context, done = self._place(tokens[: at + 1])
                keys.append((context, done[:-1]))
            else:
                keys.append((before[0], (*before[1], tokens[at - 1] - FIRST_ACTION)))
        return keys

    def _draw(
        self,
        place: tuple[str, tuple[int, ...]],
        numbers: Array,
        sampling: Sampling,
        limit: int,
        rows: dict[Key, tuple[Array, Array]],
    ) -> Completion:
        context, done = place
        first = len(done)
        logprobs: list[float] = []
        text, stop = "", StopReason.END
        while len(done) < self.base.length:
            if len(logprobs) == limit:
                stop = StopReason.LENGTH
                break
            key = (context, done)
            if key not in rows:
                rows[key] = _distribution(self._logits(key), sampling)
            probabilities, reported = rows[key]
            action = _pick(probabilities, numbers[len(logprobs)])
            done = (*done, action)
            logprobs.append(float(reported[action]))
            text = " ".join(self.base.actions[a] for a in done[first:])
            if any(end in text for end in sampling.stop):
                break
        tokens = tuple(FIRST_ACTION + action for action in done[first:])
        return Completion(tokens, tuple(logprobs), text, stop)

    def _score(self, tokens: Sequence[int], topk: int) -> Scored:
        logprobs: list[float] = []
        top: list[tuple[tuple[int, float], ...]] = []
        for token, key in zip(tokens[1:], self._keys(tokens), strict=True):
            if key is None:
                logprobs.append(0.0)
                top.append(((token, 0.0),))
                continue
            logp = log_softmax(self._logits(key))
            logprobs.append(float(logp[token - FIRST_ACTION]))
            best = np.argsort(-logp, kind="stable")[:topk]
            top.append(tuple((FIRST_ACTION + int(a), float(logp[a])) for a in best))
        return Scored(tuple(logprobs), tuple(top) if topk else ())

    def _compact(self, index: int, row: Row) -> Row:
        """Return the row over actions alone: ids from 0, characters as 0, which have no weight."""
        for t, token in enumerate(row.tokens[1 : len(row.weights)], start=1):
            if row.weights[t] != 0.0 and not self._is_action(token):
                raise EngineError(
                    f"row {index}, field weights: position {t} is no action but has a weight",
                    "give weight to what the policy wrote, not to prompt or tool text",
                )
        tokens = tuple(
            token - FIRST_ACTION if self._is_action(token) else 0 for token in row.tokens
        )
        teacher = tuple(tuple((token - FIRST_ACTION, p) for token, p in top) for top in row.teacher)
        return replace(row, tokens=tokens, teacher=teacher)


def _pick(probabilities: Array, number: float) -> int:
    """Return the action whose share of [0, 1) holds the number; never one of probability 0."""
    below = np.cumsum(probabilities)
    found = int(np.searchsorted(below, number * below[-1], side="right"))
    return min(found, int(np.flatnonzero(probabilities)[-1]))


def _distribution(logits: Array, sampling: Sampling) -> tuple[Array, Array]:
    """Return (probabilities to draw by, log-probabilities to report): temperature, top-k, top-p."""
    if sampling.temperature == 0.0:
        chosen = np.zeros(len(logits))
        chosen[int(np.argmax(logits))] = 1.0
        return chosen, log_softmax(logits)
    logp = log_softmax(logits / sampling.temperature)
    order = np.argsort(-logp, kind="stable")
    if sampling.top_k:
        logp[order[sampling.top_k :]] = -np.inf
    probabilities = np.exp(log_softmax(logp))
    before = np.cumsum(probabilities[order]) - probabilities[order]
    logp[order[before >= sampling.top_p]] = -np.inf
    logp = log_softmax(logp)
    return np.exp(logp), logp
