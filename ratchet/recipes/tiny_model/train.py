"""Training the tiny model from random weights on generated text: minutes on two cores."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from math import cos, pi
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from ratchet.core.seeds import Seed
from ratchet.engine.models.folder import hash_file
from ratchet.recipes.tiny_model.data import Mixture, Text
from ratchet.recipes.tiny_model.muon import Muon
from ratchet.recipes.tiny_model.tokenizer import (
    CHARACTERS,
    EOS,
    EOS_ID,
    PAD_ID,
    SPECIAL,
    VOCABULARY,
    create_tokenizer,
    save_tokenizer,
)
from ratchet.worlds.arithmetic import Arithmetic

WEIGHTS = "model.safetensors"
Batch = tuple[Tensor, Tensor]
"""Tokens [rows, length + 1], and the weight in the loss of each but the first [rows, length]."""
CONTEXT = 512
"""Most tokens the model reads."""
_QUESTION, _LINE_END = (len(SPECIAL) + CHARACTERS.index(text) for text in "Q\n")
SHAPE = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": VOCABULARY,
    "hidden_size": 128,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": CONTEXT,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10_000.0,
    "hidden_act": "silu",
    "tie_word_embeddings": True,
    "initializer_range": 0.06,
    "attention_bias": False,
    "mlp_bias": False,
    "bos_token_id": None,
    "eos_token_id": EOS_ID,
    "pad_token_id": PAD_ID,
}
"""The content of config.json."""


@dataclass(frozen=True)
class Fit:
    """How a small model is trained from random weights."""

    steps: int = 1_000
    """Optimiser steps."""
    rows: int = 6
    """Sequences a step."""
    length: int = 320
    """Tokens in a sequence."""
    matrix_lr: float = 0.02
    """Peak learning rate of Muon, for the matrices inside the layers."""
    lr: float = 4e-3
    """Peak learning rate of AdamW, for the embedding and the norms."""
    warmup: int = 40
    """Steps over which the learning rates rise to their peak; then a cosine takes them to 0."""
    question_weight: float = 0.1
    """Weight of what cannot be foreseen in the loss, such as a question; the rest has 1."""
    threads: int = 2
    """Threads of torch; another number gives slightly other weights."""


@dataclass(frozen=True)
class Plan(Fit):
    """How the tiny model is trained."""

    mixture: Mixture = field(default_factory=Mixture)
    """What the training text is made of."""


@dataclass(frozen=True)
class Trained:
    """A trained model."""

    model: LlamaForCausalLM
    """The model, in float32."""
    losses: tuple[float, ...]
    """Mean cross-entropy of each step, in nats a token."""


def build(folder: Path, seed: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Train the tiny model, write it into a folder and return its manifest (recipe.json).

    ``progress`` hears a line now and then. Equal seeds give equal weights on one machine.
    """
    started = time.process_time()
    plan = Plan()
    trained = train(plan, Seed(seed).child("tiny_model"), progress)
    save_model(folder, trained.model)
    recipe = {
        "command": f"ratchet models build tiny --seed {seed}",
        "seed": seed,
        "sha256": hash_file(folder / WEIGHTS),
        "parameters": count_parameters(trained.model),
        "loss": round(trained.losses[-1], 3),
        "cpu_seconds": round(time.process_time() - started),
        "plan": asdict(plan),
    }
    _write(folder / "recipe.json", recipe)
    return recipe


def train(plan: Plan, seed: Seed, progress: Callable[[str], None] = lambda line: None) -> Trained:
    """Train the tiny model from random weights."""
    return fit(SHAPE, plan, _batches(plan, seed), seed, progress)


def fit(
    shape: Mapping[str, Any],
    plan: Fit,
    batches: Iterator[Batch],
    seed: Seed,
    progress: Callable[[str], None] = lambda line: None,
) -> Trained:
    """Train a Llama of this shape from random weights on ``plan.steps`` batches.

    Torch's random state and number of threads are left as found.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(plan.threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed.child("weights").integer())
            model = LlamaForCausalLM(LlamaConfig(**shape))
        return Trained(model, tuple(_learn(model, plan, batches, progress)))
    finally:
        torch.set_num_threads(threads)


def save_model(folder: Path, model: LlamaForCausalLM, shape: Mapping[str, Any] = SHAPE) -> None:
    """Write configuration, tokenizer and weights; the weights as float16."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: tensor.detach().to(torch.float16).contiguous()
        for name, tensor in model.state_dict().items()
        if name != "lm_head.weight"
    }
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    _write(folder / "config.json", shape)
    _write(folder / "generation_config.json", {"eos_token_id": EOS_ID, "pad_token_id": PAD_ID})
    save_tokenizer(folder, longest=CONTEXT)


def count_parameters(model: LlamaForCausalLM) -> int:
    """Return the number of weights, tied ones once."""
    return sum(parameter.numel() for parameter in model.parameters())


def _learn(
    model: LlamaForCausalLM,
    plan: Fit,
    batches: Iterator[Batch],
    progress: Callable[[str], None],
) -> Iterator[float]:
    embedding = model.get_input_embeddings().weight
    matrices = [p for p in model.parameters() if p.dim() == 2 and p is not embedding]
    others = [p for p in model.parameters() if p.dim() < 2]
    muon = Muon(matrices)
    adam = torch.optim.AdamW([embedding, *others], betas=(0.9, 0.98), weight_decay=0.0)
    model.train()
    for step in range(plan.steps):
        tokens, weights = next(batches)
        logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
        loss = _loss(logits, tokens[:, 1:], weights)
        model.zero_grad()
        torch.autograd.backward(loss)
        share = _schedule(step, plan)
        muon.step(plan.matrix_lr * share)
        adam.param_groups[0]["lr"] = plan.lr * share
        adam.step()
        if step % 100 == 0 or step == plan.steps - 1:
            progress(f"step {step + 1} of {plan.steps}: loss {loss.item():.3f}")
        yield loss.item()


def _loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean cross-entropy."""
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    return (losses * weights).sum() / weights.sum()


def find_questions(tokens: Tensor) -> Tensor:
    """Say which tokens [rows, length] stand after a ``Q`` in its line."""
    places = torch.arange(1, tokens.shape[1] + 1).expand_as(tokens)
    start = (places * (tokens == _QUESTION)).cummax(dim=1).values
    end = (places * (tokens == _LINE_END)).cummax(dim=1).values
    return (start > end) & (tokens != _QUESTION)


def _schedule(step: int, plan: Fit) -> float:
    """Return the share of the peak learning rate: linear warm-up, then a cosine to 0."""
    if step < plan.warmup:
        return (step + 1) / plan.warmup
    return 0.5 + 0.5 * cos(pi * (step - plan.warmup) / max(plan.steps - plan.warmup, 1))


def _batches(plan: Plan, seed: Seed) -> Iterator[Batch]:
    """Yield batches; each row begins with a document and is filled with more.

    Questions cannot be foreseen and count for less.
    """
    tokenizer = create_tokenizer()
    documents = Text(Arithmetic(), plan.mixture, seed.child("text")).documents()
    while True:
        rows = [_fill_row(documents, plan.length + 1) for _ in range(plan.rows)]
        encoded = tokenizer.encode_batch(rows)
        tokens = torch.tensor([row.ids[: plan.length + 1] for row in encoded])
        yield tokens, torch.where(find_questions(tokens[:, 1:]), plan.question_weight, 1.0)


def _fill_row(documents: Iterator[str], length: int) -> str:
    """Join documents until there are at least so many characters; ``<eos>`` counts as one."""
    row, size = "", 0
    while size < length:
        document = next(documents)
        row += document + EOS
        size += len(document) + 1
    return row


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
