"""TRL's side of one GRPO step: ``GRPOTrainer(use_cpu=True)``, held before each step."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Held(TrainerCallback):  # type: ignore[misc]
    """Waits for a line before every step and tells how long the step took."""

    def __init__(self) -> None:
        self.start = 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **others: Any) -> Any:
        """Wait for a line; without one, stop training."""
        if not sys.stdin.readline():
            sys.exit(0)
        self.start = time.perf_counter()
        return control

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> Any:
        """Tell the time and the most memory so far."""
        seconds = time.perf_counter() - self.start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak_mb": peak}), file=REPLIES, flush=True)
        return control


def even_share(completions: list[str], completion_ids: list[list[int]], **_: Any) -> list[float]:
    """Return the share of even token ids of each completion."""
    return [sum(t % 2 == 0 for t in ids) / max(1, len(ids)) for ids in completion_ids]


def main() -> None:
    """Train until the input ends."""
    plan: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(plan["threads"])
    tokenizer = AutoTokenizer.from_pretrained(plan["model"])
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(plan["model"], dtype=torch.float32)
    rows = len(plan["prompts"]) * plan["group"]
    config = GRPOConfig(
        output_dir=plan["scratch"],
        use_cpu=True,
        bf16=False,
        per_device_train_batch_size=plan["peer_rows"],
        gradient_accumulation_steps=rows // plan["peer_rows"],
        num_generations=plan["group"],
        max_completion_length=plan["answer_tokens"],
        generation_kwargs={"min_new_tokens": plan["answer_tokens"]},
        max_steps=plan["steps"],
        learning_rate=1e-5,
        lr_scheduler_type="constant",
        beta=0.0,
        temperature=1.0,
        gradient_checkpointing=False,
        report_to=[],
        logging_strategy="no",
        save_strategy="no",
        disable_tqdm=True,
        shuffle_dataset=False,
        dataloader_num_workers=0,
    )
    lora = LoraConfig(
        r=plan["rank"],
        lora_alpha=plan["alpha"],
        target_modules=LAYERS,
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )
    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=even_share,
        args=config,
        train_dataset=Dataset.from_list([{"prompt": text} for text in plan["prompts"]]),
        peft_config=lora,
        callbacks=[Held()],
    )
    print(json.dumps({"ready": True}), file=REPLIES, flush=True)
    trainer.train()


if __name__ == "__main__":
    REPLIES, sys.stdout = sys.stdout, sys.stderr  # the trainer prints too
    main()
