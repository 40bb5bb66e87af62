"""One side's work of ``bench.memory``, once: SIDE WORK COUNT THREADS."""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

import torch

from bench.workload import random_groups, random_prompts
from ratchet.engine import models
from ratchet.engine.local import LocalEngine
from ratchet.engine.losses import PolicyGradient
from ratchet.engine.protocol import Adapter, Optim, Sampling

GROUP, PROMPT, ANSWER, VOCABULARY, MICRO_TOKENS = 8, 64, 16, 49152, 1024


def main() -> None:
    """Do it and print the peak."""
    side, work, count, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(threads)
    if side == "peer":
        _peer(work, count)
    else:
        _ours(work, count, threads)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak_mb": peak}))


def _ours(work: str, count: int, threads: int) -> None:
    engine = LocalEngine(threads=threads, micro_tokens=MICRO_TOKENS, recompute=work == "recompute")
    names = [f"p{i}" for i in range(count if work == "policies" else 1)]
    for name in names:
        engine.create(name, "smollm2", Adapter(16))
    if work == "sample":
        prompts = random_prompts(count // GROUP, PROMPT, VOCABULARY)
        engine.sample("p0", prompts, Sampling(seed=1, max_tokens=ANSWER, n=GROUP))
        return
    groups = (32 if work == "policies" else count) // GROUP
    batch = random_groups(groups, GROUP, PROMPT, ANSWER, VOCABULARY)
    for name in names:
        engine.forward_backward(name, batch, PolicyGradient())
        engine.optim_step(name, Optim(1e-5))


def _peer(work: str, count: int) -> None:
    import transformers

    model: Any = transformers.AutoModelForCausalLM.from_pretrained(
        models.resolve("smollm2"), dtype=torch.float32
    )
    if work == "sample":
        tokens = torch.tensor(random_prompts(count // GROUP, PROMPT, VOCABULARY))
        with torch.inference_mode():
            model.generate(
                tokens,
                attention_mask=torch.ones_like(tokens),
                do_sample=True,
                top_k=0,
                num_return_sequences=GROUP,
                max_new_tokens=ANSWER,
                min_new_tokens=ANSWER,
                pad_token_id=0,
            )
        return
    model.requires_grad_(False)
    trained = [_adapted(module) for block in model.model.layers for module in _linears(block)]
    batch = random_groups(count // GROUP, GROUP, PROMPT, ANSWER, VOCABULARY)
    tokens = torch.tensor([row.tokens for row in batch.rows])
    advantages = torch.tensor([row.advantages[-1] for row in batch.rows])
    step = MICRO_TOKENS // (PROMPT + ANSWER)
    for start in range(0, len(tokens), step):
        part, weight = tokens[start : start + step], advantages[start : start + step]
        logits = model(part).logits[:, PROMPT - 1 : -1]
        picked = logits.log_softmax(-1).gather(-1, part[:, PROMPT:, None])[..., 0]
        (-(picked * weight[:, None]).mean(1).sum() / len(tokens)).backward()
    torch.optim.AdamW([tensor for pair in trained for tensor in pair]).step()


def _linears(block: Any) -> list[Any]:
    return [module for module in block.modules() if isinstance(module, torch.nn.Linear)]


def _adapted(layer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Add a LoRA of rank 16 to a layer by a hook."""
    down = (torch.randn(16, layer.in_features) / 16).requires_grad_()
    up = torch.zeros(layer.out_features, 16).requires_grad_()
    layer.register_forward_hook(
        lambda module, inputs, output: output + 2.0 * (inputs[0] @ down.T) @ up.T
    )
    return down, up


if __name__ == "__main__":
    main()
