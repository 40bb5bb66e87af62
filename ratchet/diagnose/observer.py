"""Observers for `epiplexity`: a small network over characters, and any policy of an engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ratchet.core.seeds import Seed
from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.engine.protocol import Engine, Optim

Array = npt.NDArray[np.float64]
_SYMBOLS, _BEFORE, _WIDE = 98, 6, 8
"""Characters with a mark for outside and one for all others; context; numbers a character has."""


class CharacterObserver:
    """Predicts a character from the six before it through one hidden layer, by Adam.

    ``width`` is its size: the hidden units. Wide ones can hold more.
    """

    def __init__(self, width: int, seed: Seed, lr: float = 0.01) -> None:
        rng = seed.rng()
        self._lr, self._steps = lr, 0
        self.weights = [
            rng.normal(0.0, 0.3, (_SYMBOLS, _WIDE)),
            rng.normal(0.0, (_BEFORE * _WIDE) ** -0.5, (_BEFORE * _WIDE, width)),
            np.zeros((width, _SYMBOLS)),
            np.zeros(_SYMBOLS),
        ]
        self._first = [np.zeros_like(w) for w in self.weights]
        self._second = [np.zeros_like(w) for w in self.weights]

    def loss(self, texts: Sequence[str]) -> float:
        """Return the total loss in nats."""
        contexts, targets = _windows(texts)
        _, _, chances = self._forward(contexts)
        return float(-np.log(chances[np.arange(len(targets)), targets]).sum())

    def update(self, texts: Sequence[str]) -> None:
        """Take one Adam step on the mean loss."""
        self._step(self.gradients(texts))

    def gradients(self, texts: Sequence[str]) -> list[Array]:
        """Return the gradient of the mean loss by each of ``weights``."""
        contexts, targets = _windows(texts)
        read, hidden, chances = self._forward(contexts)
        embedding, inner, outer, _ = self.weights
        wrong = chances
        wrong[np.arange(len(targets)), targets] -= 1.0
        wrong /= len(targets)
        back = (wrong @ outer.T) * (1.0 - hidden**2)
        gradient = np.zeros_like(embedding)
        np.add.at(gradient, contexts, (back @ inner.T).reshape(*contexts.shape, _WIDE))
        return [gradient, read.T @ back, hidden.T @ wrong, wrong.sum(axis=0)]

    def _forward(self, contexts: npt.NDArray[np.int64]) -> tuple[Array, Array, Array]:
        embedding, inner, outer, bias = self.weights
        read = embedding[contexts].reshape(len(contexts), -1)
        hidden = np.tanh(read @ inner)
        logits = hidden @ outer + bias
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return read, hidden, raised / raised.sum(axis=1, keepdims=True)

    def _step(self, gradients: Sequence[Array]) -> None:
        self._steps += 1
        for i, gradient in enumerate(gradients):
            self._first[i] += 0.1 * (gradient - self._first[i])
            self._second[i] += 0.001 * (gradient**2 - self._second[i])
            first = self._first[i] / (1.0 - 0.9**self._steps)
            second = self._second[i] / (1.0 - 0.999**self._steps)
            self.weights[i] = self.weights[i] - self._lr * first / (np.sqrt(second) + 1e-8)


def _windows(texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return, for every character and the end of every text, what stands before it, and itself."""
    rows, targets = [], []
    for text in texts:
        codes = [0] * _BEFORE + [_code(character) for character in text] + [0]
        rows += [codes[at : at + _BEFORE] for at in range(len(codes) - _BEFORE)]
        targets += codes[_BEFORE:]
    return np.array(rows, dtype=np.int64), np.array(targets, dtype=np.int64)


def _code(character: str) -> int:
    code = ord(character) - 31
    return 97 if character == "\n" or not 1 <= code <= 95 else code


class PolicyObserver:
    """A policy as an observer: open it fresh; texts are scored and trained on without a prompt."""

    def __init__(self, engine: Engine, policy: str, optim: Optim) -> None:
        self._engine, self._policy, self._optim = engine, policy, optim

    def loss(self, texts: Sequence[str]) -> float:
        """Return the total loss in nats, each text's first token left out."""
        scored = self._engine.score(self._policy, [self._tokens(text) for text in texts])
        return -sum(sum(one.logprobs) for one in scored)

    def update(self, texts: Sequence[str]) -> None:
        """Take one optimiser step."""
        rows = [Row(tokens, (1.0,) * len(tokens)) for tokens in map(self._tokens, texts)]
        self._engine.forward_backward(self._policy, Batch(tuple(rows)), CrossEntropy())
        self._engine.optim_step(self._policy, self._optim)

    def _tokens(self, text: str) -> tuple[int, ...]:
        return self._engine.encode(self._policy, text)
