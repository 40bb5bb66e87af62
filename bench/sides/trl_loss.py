"""TRL's GRPO loss and gradient on a batch that was written down, for ``bench.parity``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer


def main() -> None:
    """Read a plan, write ``loss`` and every tensor's gradient as one ``.npz``."""
    plan: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(plan["model"])
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(plan["model"], dtype=torch.float32)
    config = GRPOConfig(
        output_dir=plan["scratch"],
        use_cpu=True,
        bf16=False,
        per_device_train_batch_size=len(plan["prompts"]),
        num_generations=2,
        loss_type="grpo",
        epsilon=plan["clip_low"],
        epsilon_high=plan["clip_high"],
        beta=plan["kl"],
        use_bias_correction_kl=False,
        temperature=1.0,
        gradient_checkpointing=False,
        report_to=[],
    )
    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=config,
        train_dataset=Dataset.from_list([{"prompt": "1 + 1"}] * len(plan["prompts"])),
    )
    trainer.current_gradient_accumulation_steps = 1
    model.train()
    prompts, answers = plan["prompts"], plan["answers"]
    before, after = max(map(len, prompts)), max(map(len, answers))
    inputs = {
        "prompt_ids": torch.tensor([[0] * (before - len(p)) + p for p in prompts]),
        "prompt_mask": torch.tensor([[0] * (before - len(p)) + [1] * len(p) for p in prompts]),
        "completion_ids": torch.tensor([a + [0] * (after - len(a)) for a in answers]),
        "completion_mask": torch.tensor([[1] * len(a) + [0] * (after - len(a)) for a in answers]),
        "advantages": torch.tensor(plan["advantages"]),
        "old_per_token_logps": _padded(plan["old_logprobs"], after),
        "ref_per_token_logps": _padded(plan["reference_logprobs"], after),
        "num_items_in_batch": torch.tensor(sum(map(len, answers))),
    }
    loss = trainer._compute_loss(model, inputs)
    loss.backward()
    found = {name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None}
    np.savez(plan["out"], loss=float(loss.detach()), **found)


def _padded(rows: list[list[float]], size: int) -> torch.Tensor:
    return torch.tensor([row + [0.0] * (size - len(row)) for row in rows])


if __name__ == "__main__":
    main()
