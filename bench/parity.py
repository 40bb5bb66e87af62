"""Our GRPO loss and gradient against TRL's on one fixed batch: ``python -m bench.parity [--json]``.

A random Llama of two layers, eight rows of unlike lengths with shared prompts, clipping in force on
some tokens, and a KL term. Exits with 1 if they differ by more than float32's rounding.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.grpo_step import PEERS
from ratchet.core.seeds import Seed
from ratchet.engine.local import LocalEngine
from ratchet.engine.losses import Batch, PolicyGradient, Row
from ratchet.engine.models.random_llama import write_random_llama
from ratchet.engine.protocol import Full

LIMIT = 2e-4
"""Largest difference of a tensor's gradient, relative to its largest entry."""


def main() -> None:
    """Compare and print."""
    if not PEERS.exists():
        sys.exit("the peers are not installed\n  next: make bench-deps")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = str(write_random_llama(folder / "model", Seed(1)))
        plan = {**make_plan(), "model": base, "scratch": name, "out": str(folder / "theirs.npz")}
        (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        command = [str(PEERS), "bench/sides/trl_loss.py", str(folder / "plan.json")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with np.load(folder / "theirs.npz") as file:
            theirs = {key: file[key] for key in file.files}
        report, ours = compute(base, plan)
    gaps = {key: _gap(ours[key], theirs[key]) for key in ours}
    result = {
        "loss_ours": report.loss,
        "loss_trl": float(theirs["loss"]),
        "clipped_share": report.clipped,
        "gradient_gap": max(gaps.values()),
        "tensors": len(gaps),
    }
    if "--json" in sys.argv:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key}: {value:.6g}")
    same = abs(result["loss_ours"] - result["loss_trl"]) <= 1e-5
    if not same or result["gradient_gap"] > LIMIT:
        sys.exit(1)


def make_plan() -> dict[str, Any]:
    """Return the batch as plain values."""
    rng = Seed(7).child("parity").rng()
    prompts, answers = [], []
    for group in range(4):
        prompt = rng.integers(1, 90, 4 + 3 * group).tolist()
        for _ in range(2):
            prompts.append(prompt)
            answers.append(rng.integers(1, 90, int(rng.integers(2, 9))).tolist())

    def near(center: float) -> list[list[float]]:
        return [(center + 0.8 * rng.standard_normal(len(a))).tolist() for a in answers]

    return {
        "prompts": prompts,
        "answers": answers,
        "advantages": rng.standard_normal(len(answers)).tolist(),
        "old_logprobs": near(-5.0),
        "reference_logprobs": near(-5.0),
        "clip_low": 0.2,
        "clip_high": 0.28,
        "kl": 0.05,
    }


def compute(base: str, plan: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return our report and gradients by the tensors' names."""
    engine = LocalEngine(threads=1)
    engine.create("p", base, Full())
    rows = []
    for i, (prompt, answer) in enumerate(zip(plan["prompts"], plan["answers"], strict=True)):
        skipped, size = (0.0,) * len(prompt), len(prompt) + len(answer)
        rows.append(
            Row(
                (*prompt, *answer),
                skipped + (1.0,) * len(answer),
                advantages=(plan["advantages"][i],) * size,
                old_logprobs=(*skipped, *plan["old_logprobs"][i]),
                clip_low=(plan["clip_low"],) * size,
                clip_high=(plan["clip_high"],) * size,
                reference_logprobs=(*skipped, *plan["reference_logprobs"][i]),
            )
        )
    loss = PolicyGradient("token", plan["kl"], "rows")
    report = engine.forward_backward("p", Batch(tuple(rows)), loss)
    tensors = engine.policy("p").tensors()
    return report, {k: t.grad.numpy() for k, t in tensors.items() if t.grad is not None}


def _gap(left: Any, right: Any) -> float:
    return float(np.abs(left - right).max() / max(float(np.abs(right).max()), 1e-12))


if __name__ == "__main__":
    main()
