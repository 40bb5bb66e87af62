"""Training with shared prefixes against our own plain path: ``python -m bench.trainer [--json]``.

SmolLM2-135M, LoRA of rank 16, 16 groups of 8, prompts of 64 tokens and answers of 16. The plain
path is the same code with every row read by itself, prompt and all; both gradients are compared.
"""

from __future__ import annotations

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
    engine = LocalEngine(threads=options.threads, micro_tokens=MICRO_TOKENS)
    engine.create("p", "smollm2", Adapter(16))
    fill_adapter(engine, "p")  # B = 0 would hide half of the gradient
    batch = random_groups(GROUPS, SIZE, PROMPT, ANSWER, 49152)

    def train(share: bool) -> dict[str, torch.Tensor]:
        with engine.policy("p").training() as network:
            trainer.forward_backward(network, batch, PolicyGradient(), MICRO_TOKENS, share)
        return _take_gradient(engine)

    gap = _gap(train(True), train(False))
    name = f"{GROUPS} groups x {SIZE}"
    row = compare(name, lambda: train(True), lambda: train(False), options.rounds)
    tokens = GROUPS * (PROMPT + SIZE * ANSWER)
    summary = {
        "ratio": row.ratio,
        "gradient_gap": gap,
        "packed_tokens_per_s": tokens / row.ours_s,
        "bound_by_tokens": GROUPS * SIZE * (PROMPT + ANSWER) / tokens,
    }
    notes = ["gradient_gap: largest difference of a tensor, relative to its largest entry"]
    report("training, shared prefixes against plain", [row], summary, notes, options.json)


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


if __name__ == "__main__":
    main()
