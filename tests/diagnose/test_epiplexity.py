"""Epiplexity: bits learned, by an observer of limited size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from ratchet.core.seeds import Seed
from ratchet.diagnose.epiplexity import measure_epiplexity
from ratchet.diagnose.observer import CharacterObserver, PolicyObserver
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.fake.characters import FIRST_ACTION
from ratchet.engine.protocol import Full, Optim


class Scripted:
    """An observer whose loss is 8 ln 2 a text, less ln 2 for each step so far, down to a floor."""

    def __init__(self, floor: float, overfits: float = 0.0) -> None:
        self.steps, self.floor, self.overfits = 0, floor, overfits

    def loss(self, texts: Sequence[str]) -> float:
        nats = max(self.floor, 8.0 - self.steps)
        nats += self.overfits * max(0, self.steps - 4) if texts[0] == "new" else 0.0
        return nats * math.log(2.0) * len(texts)

    def update(self, texts: Sequence[str]) -> None:
        self.steps += 1


def test_by_hand() -> None:
    """Two batches of two: 16 + 14 bits before their steps; all four at 6 bits after: S = 6."""
    found = measure_epiplexity(Scripted(6.0), ["t"] * 4, ["new"] * 2, batch=2, epochs=3)
    assert (found.bits, found.mdl, found.epoch) == pytest.approx((6.0, 7.5, 1))


def test_the_epoch_with_the_smallest_mdl_counts() -> None:
    found = measure_epiplexity(Scripted(0.0), ["t"] * 4, ["new"], batch=2, epochs=4)
    assert found.epoch == 1 and found.mdl == pytest.approx(6 / 4 + 6)
    deep = measure_epiplexity(Scripted(0.0), ["t"] * 2, ["new"], batch=2, epochs=8)
    assert deep.bits == pytest.approx(16 - 14) and deep.epoch == 1
    spoiled = measure_epiplexity(Scripted(0.0, 9.0), ["t"] * 4, ["new"], batch=2, epochs=4)
    assert spoiled.epoch <= 2


def test_nothing_to_read_is_refused() -> None:
    with pytest.raises(ValueError, match="texts"):
        measure_epiplexity(Scripted(0.0), [], ["new"])


def test_structure_is_more_than_repetition_and_than_noise_to_a_small_observer() -> None:
    rng = Seed(1).rng()
    same = ["ab"] * 160
    noise = ["".join(chr(97 + c) for c in rng.integers(0, 26, 6)) for _ in range(160)]
    rule = [f"{a}{a}{b}{b}{a}{b}" for a, b in rng.choice(list("abcdefgh"), (160, 2))]
    bits = [
        measure_epiplexity(
            CharacterObserver(24, Seed(2), 0.03), t[:128], t[128:], batch=8, epochs=3
        ).bits
        for t in (same, noise, rule)
    ]
    assert bits[2] > bits[1] and bits[2] > bits[0]


def test_the_gradient_is_that_of_the_loss() -> None:
    """By finite differences in the largest entry of every part, after some steps."""
    observer, texts = CharacterObserver(5, Seed(3), lr=0.05), ["2 + 3\n5", "7 * 8\n56"]
    for _ in range(20):
        observer.update(texts)
    symbols = sum(len(text) + 1 for text in texts)
    for weights, gradient in zip(observer.weights, observer.gradients(texts), strict=True):
        at = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        losses = []
        for change in (1e-4, -1e-4):
            weights[at] += change
            losses.append(observer.loss(texts) / symbols)
            weights[at] -= change
        assert gradient[at] == pytest.approx((losses[0] - losses[1]) / 2e-4, rel=1e-4)


def test_the_observer_sees_characters_and_ends() -> None:
    observer = CharacterObserver(4, Seed(1))
    assert observer.loss(["", ""]) == pytest.approx(2 * math.log(98), rel=0.05)
    assert observer.loss(["abc"]) == pytest.approx(4 * math.log(98), rel=0.05)


def test_a_policy_is_an_observer() -> None:
    engine = FakeEngine({"table": Tabular(("x", "y"), lambda text: "")})
    engine.create("policy", "table", Full())
    engine.encode = lambda name, text: (ord("?"), FIRST_ACTION + int(text == "y"))  # type: ignore[method-assign]
    observer = PolicyObserver(engine, "policy", Optim(0.2, max_grad_norm=0.0))
    assert observer.loss(["x", "y"]) == pytest.approx(2 * math.log(2))
    found = measure_epiplexity(observer, ["x"] * 32, ["x"] * 4, batch=4, epochs=3)
    assert found.bits > 0.0 and np.isfinite(found.mdl)
