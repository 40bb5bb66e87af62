"""Our side of one GRPO step: sample, reward, advantages, gradient, optimiser step."""

from __future__ import annotations

import dataclasses
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from ratchet.engine.local import LocalEngine
from ratchet.engine.losses import Batch, PolicyGradient, Row
from ratchet.engine.protocol import Adapter, Optim, Sampling
from ratchet.learn.advantage import group_advantages


def main() -> None:
    """Do one step for every line that is read."""
    plan: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    engine = LocalEngine(threads=plan["threads"], micro_tokens=plan["micro_tokens"])
    engine.create("p", "smollm2", Adapter(plan["rank"], plan["alpha"]))
    policy = engine.policy("p")
    policy.base = dataclasses.replace(policy.base, ends=frozenset())  # nothing stops early
    prompts = [engine.encode("p", text) for text in plan["prompts"]]
    assert {len(prompt) for prompt in prompts} == {plan["prompt_tokens"]}
    print(json.dumps({"ready": True}), flush=True)
    for number, _ in enumerate(sys.stdin):
        start = time.perf_counter()
        step(engine, prompts, plan, number)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak_mb": peak}), flush=True)


def step(
    engine: LocalEngine, prompts: list[tuple[int, ...]], plan: dict[str, Any], number: int
) -> None:
    """Take one step; the reward is the share of even token ids, which costs nothing."""
    sampling = Sampling(seed=number, max_tokens=plan["answer_tokens"], n=plan["group"])
    rows = []
    for prompt, group in zip(prompts, engine.sample("p", prompts, sampling), strict=True):
        rewards = [sum(t % 2 == 0 for t in c.tokens) / len(c.tokens) for c in group]
        advantages = group_advantages(rewards) or [0.0] * len(group)
        for completion, advantage in zip(group, advantages, strict=True):
            size = len(prompt) + len(completion.tokens)
            rows.append(
                Row(
                    (*prompt, *completion.tokens),
                    (0.0,) * len(prompt) + (1.0,) * len(completion.tokens),
                    advantages=(advantage,) * size,
                    old_logprobs=(0.0,) * len(prompt) + completion.logprobs,
                    clip_low=(0.2,) * size,
                    clip_high=(0.2,) * size,
                )
            )
    engine.forward_backward("p", Batch(tuple(rows)), PolicyGradient(reduction="tokens"))
    engine.optim_step("p", Optim(lr=1e-5))


if __name__ == "__main__":
    main()
