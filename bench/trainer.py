"""Training with shared prefixes against our own plain path: ``python -m bench.trainer [--json]``.

SmolLM2-135M, LoRA of rank 16, 16 groups of 8, prompts of 64 tokens and answers of 16. The plain
path is the same code with every row read by itself, prompt and all; both gradients are compared.
Then training on weights rounded to bfloat16 against exact training, both with shared prefixes.
"""

from __future__ import annotations

import math

import torch

from bench.paired import arguments, compare, report
from bench.workload import fill_adapter, random_groups
from ratchet.engine.local import LocalEngine, trainer
from ratchet.engine.losses import PolicyGradient
from ratchet.engine.protocol import Adapter

GROUPS, SIZE, PROMPT, ANSWER = 16, 8, 64, 16
MICRO_TOKENS = 1024


def main() -> None:
    """Measure and print."""
    options = arguments()
    exact, rounded = (_open(options.threads, how) for how in ("exact", "bfloat16"))
    batch = random_groups(GROUPS, SIZE, PROMPT, ANSWER, 49152)

    def train(engine: LocalEngine, share: bool = True) -> dict[str, torch.Tensor]:
        with engine.policy("p").training() as network:
            trainer.forward_backward(network, batch, PolicyGradient(), MICRO_TOKENS, share)
        return _take_gradient(engine)

    name = f"{GROUPS} groups x {SIZE}"
    row = compare(name, lambda: train(exact), lambda: train(exact, False), options.rounds)
    fast = compare(
        "rounded against exact", lambda: train(rounded), lambda: train(exact), options.rounds
    )
    tokens = GROUPS * (PROMPT + SIZE * ANSWER)
    summary = {
        "ratio": row.ratio,
        "gradient_gap": _gap(train(exact), train(exact, False)),
        "packed_tokens_per_s": tokens / row.ours_s,
        "bound_by_tokens": GROUPS * SIZE * (PROMPT + ANSWER) / tokens,
        "rounded_ratio": fast.ratio,
        "rounded_gap": _distance(train(exact), train(rounded)),
    }
    notes = [
        "gradient_gap: largest difference of a tensor, relative to its largest entry",
        "rounded_gap: length of the difference of the whole gradients, relative to the exact one",
    ]
    report("training, shared prefixes against plain", [row, fast], summary, notes, options.json)


def _open(threads: int, training: str) -> LocalEngine:
    engine = LocalEngine(threads=threads, micro_tokens=MICRO_TOKENS, training=training)
    engine.create("p", "smollm2", Adapter(16))
    fill_adapter(engine, "p")  # B = 0 would hide half of the gradient
    return engine


def _take_gradient(engine: LocalEngine) -> dict[str, torch.Tensor]:
    found = {}
    for name, tensor in engine.policy("p").tensors().items():
        assert tensor.grad is not None
        found[name], tensor.grad = tensor.grad, None
    return found


def _gap(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> float:
    return max(
        float((left[name] - right[name]).abs().max() / left[name].abs().max().clamp_min(1e-12))
        for name in left
    )


def _distance(exact: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    apart = sum(float((exact[name] - other[name]).square().sum()) for name in exact)
    return math.sqrt(apart / sum(float(slope.square().sum()) for slope in exact.values()))


if __name__ == "__main__":
    main()
