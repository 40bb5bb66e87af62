"""What the engine's benches work on: random prompts, and the products of one decode step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ratchet.core.seeds import Seed
from ratchet.engine.local import LocalEngine
from ratchet.engine.local.linear import Addition, adapted, linear
from ratchet.engine.local.network import Network
from ratchet.engine.losses import Batch, Row

Prompts = list[tuple[int, ...]]


def random_prompts(count: int, length: int, vocabulary: int, seed: int = 1) -> Prompts:
    """Return prompts that share no prefix."""
    rng = Seed(seed).child("prompts").rng()
    tokens = rng.integers(100, vocabulary - 100, (count, length))
    tokens[:, 0] = 100 + np.arange(count)
    return [tuple(row) for row in tokens.tolist()]


def random_groups(groups: int, size: int, prompt: int, answer: int, vocabulary: int) -> Batch:
    """Return groups of rows on random prompts, with random answers and advantages, unclipped."""
    rng = Seed(2).child("answers").rng()
    rows, whole = [], prompt + answer
    for tokens in random_prompts(groups, prompt, vocabulary):
        for _ in range(size):
            rows.append(
                Row(
                    (*tokens, *rng.integers(100, vocabulary - 100, answer).tolist()),
                    (0.0,) * prompt + (1.0,) * answer,
                    advantages=(float(rng.standard_normal()),) * whole,
                    old_logprobs=(-10.0,) * whole,
                    clip_low=(1.0,) * whole,
                    clip_high=(1e6,) * whole,
                )
            )
    return Batch(tuple(rows))


def fill_adapter(engine: LocalEngine, name: str) -> None:
    """Give a fresh adapter's B small numbers: zeros change nothing and are left out."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor_name, tensor in engine.policy(name).tensors().items():
            if tensor_name.endswith(".up"):
                tensor.normal_(0.0, 0.01, generator=generator)


@dataclass(frozen=True)
class Shapes:
    """The matrix products of one decode step with weights, and nothing else."""

    network: Network
    """The model."""
    rows: int
    """Rows of every product."""
    rank: int = 0
    """Rank of an adapter's own products, which are computed too; 0 for the base's alone."""

    def step(self) -> Callable[[], None]:
        """Return a function that computes each of them once."""
        products = [p for block in self.network.blocks for p in block.products()]
        ranks = [self.rank * len(p.names) for p in products]
        weights = [p.weight for p in products]
        added = [
            Addition(torch.randn(rank, w.shape[1]), torch.randn(w.shape[0], rank)) if rank else None
            for rank, w in zip(ranks, weights, strict=True)
        ]
        pairs = [*zip(weights, added, strict=True), (self.network.head, None)]
        inputs = {w.shape[1]: torch.randn(self.rows, w.shape[1]) for w, _ in pairs}

        def work() -> None:
            with torch.inference_mode():
                for weight, addition in pairs:
                    x = inputs[weight.shape[1]]
                    if addition is None:
                        linear(x, weight)
                    else:
                        adapted(x, weight, None, addition)

        return work

    def flops(self) -> float:
        """Return the floating-point operations of the base's."""
        weights = [p.weight for block in self.network.blocks for p in block.products()]
        return 2.0 * self.rows * sum(w.numel() for w in [*weights, self.network.head])


def peak_flops(threads: int, size: int = 1536) -> float:
    """Return the best rate of a large square product on this machine, per second."""
    from bench.paired import clock

    torch.set_num_threads(threads)
    left, right = torch.randn(size, size), torch.randn(size, size)
    best = min(clock(lambda: linear(left, right)) for _ in range(8))
    return 2.0 * size**3 / best
