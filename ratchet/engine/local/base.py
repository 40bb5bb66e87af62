"""Bases: a Hugging Face model and its tokenizer, loaded once and shared by its policies."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer
from torch import Tensor, nn

from ratchet.core.codec import hash_data
from ratchet.core.errors import EngineError, ModelError
from ratchet.engine.local import attention
from ratchet.engine.local.linear import Switch, install, linear
from ratchet.engine.local.tree import Tree, pack

CHECK_TOLERANCE = 1e-3
"""How far the packed forward may lie from the model's own, relative to its largest logit."""


@dataclass(frozen=True)
class Network:
    """A model ready for packed sequences."""

    model: Any
    """The Hugging Face causal language model, with our linear layers and attention."""
    switch: Switch
    """Says which additions are in force in it."""

    @property
    def head(self) -> nn.Linear:
        """The layer from hidden states to logits."""
        head = self.model.get_output_embeddings()
        assert isinstance(head, nn.Linear)
        return head

    def hidden(self, tokens: Tensor, positions: Tensor, plan: attention.Plan) -> Tensor:
        """Return last hidden states [batch, length, width] of tokens [batch, length]."""
        output = self.model.base_model(
            input_ids=tokens, position_ids=positions, use_cache=False, plan=plan
        )
        result: Tensor = output.last_hidden_state
        return result

    def read(self, tree: Tree, keep: bool = False) -> tuple[Tensor, attention.TreeAttention]:
        """Return the hidden states [packed, width] of a tree and the plan it was read with."""
        device = self.head.weight.device
        plan = attention.TreeAttention(tree, device, keep)
        tokens = torch.tensor([tree.tokens], device=device)
        positions = torch.tensor([tree.positions], device=device)
        return self.hidden(tokens, positions, plan)[0], plan

    def logits(self, hidden: Tensor) -> Tensor:
        """Return logits in float32."""
        return linear(hidden, self.head.weight, self.head.bias).float()

    def copy(self) -> Network:
        """Return an independent network with the same weights and no additions in force."""
        self.switch.active = {}
        model = copy.deepcopy(self.model)
        found = [m.switch for m in model.modules() if hasattr(m, "switch")]
        return Network(model, found[0] if found else Switch())


@dataclass
class MergedWeights:
    """Weights with one policy's additions merged in: at most one set for each base."""

    holds: tuple[int, int] | None = None
    """Which policy's, and at which of its versions."""
    weights: dict[str, Tensor] = field(default_factory=dict)
    """By name of the layer."""


@dataclass(frozen=True)
class Base:
    """A network with its tokenizer."""

    name: str
    """The name it was asked for."""
    folder: Path
    """Where its files lie."""
    network: Network
    """The frozen model."""
    tokenizer: Tokenizer
    """Text to tokens and back."""
    ends: frozenset[int]
    """Tokens that end a completion."""
    fingerprint: str
    """Hash of its configuration: weights saved for another shape of model do not fit."""
    room: MergedWeights = field(default_factory=MergedWeights)
    """Buffer for sampling adapters."""

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self.network.head.weight.shape[0]

    def encode(self, text: str) -> tuple[int, ...]:
        """Return token ids; special tokens are read but none is added."""
        return tuple(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, tokens: Sequence[int]) -> str:
        """Return text, special tokens left out."""
        result: str = self.tokenizer.decode(list(tokens), skip_special_tokens=True)
        return result

    def check_tokens(self, what: str, tokens: Sequence[int]) -> None:
        """Raise EngineError on an empty sequence or an id outside the vocabulary."""
        if not tokens:
            raise EngineError(f"{what} is empty", "pass at least one token")
        if min(tokens) < 0 or max(tokens) >= self.vocabulary:
            raise EngineError(f"{what} has a token outside the vocabulary", "encode the text first")


def load_base(name: str, folder: Path, device: torch.device, dtype: torch.dtype) -> Base:
    """Load a folder that ``models.resolve`` returned.

    Raises ModelError on files that cannot be read, EngineError on a model that the packed forward
    does not compute as the model itself does.
    """
    try:
        with _quiet():
            model = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, attn_implementation="sdpa", local_files_only=True
            )
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except (
        Exception
    ) as error:  # the loaders raise many unrelated types, tokenizers a bare Exception
        raise ModelError(
            f"cannot load {name} from {folder}: {error}", f"ratchet models get {name}"
        ) from error
    model.eval().requires_grad_(False)
    model.to(device)
    expected = _own_logits(model)
    network = Network(model, install(model))
    model.set_attn_implementation(attention.NAME)
    _check(name, network, expected)
    ends = _ends(model)
    return Base(name, folder, network, tokenizer, ends, _fingerprint(folder))


def _own_logits(model: Any) -> Tensor:
    tokens = torch.tensor([_probe(model)], device=model.device)
    with torch.inference_mode():
        result: Tensor = model(input_ids=tokens, use_cache=False).logits[0].float()
    return result


def _probe(model: Any) -> list[int]:
    size = model.get_output_embeddings().weight.shape[0]
    return [(7 * i + 3) % size for i in range(12)]


def _check(name: str, network: Network, expected: Tensor) -> None:
    """Compare the packed forward of two sequences that share a prefix with the model's own."""
    probe = _probe(network.model)
    tree = pack([probe, probe[:5]])
    with torch.inference_mode():
        hidden, _ = network.read(tree)
        ours = network.logits(hidden[torch.tensor(tree.where[0], device=hidden.device)])
    gap = float((ours - expected).abs().max() / expected.abs().max().clamp_min(1e-9))
    limit = CHECK_TOLERANCE if expected.dtype == hidden.dtype else 0.1
    if not gap <= limit:
        raise EngineError(
            f"{name}: the packed forward differs from the model's own by {gap:.2g}",
            "use a Llama or Qwen model",
        )


def _ends(model: Any) -> frozenset[int]:
    """Return the end tokens that the model's configurations name."""
    found: set[int] = set()
    for config in (model.config, model.generation_config):
        value = getattr(config, "eos_token_id", None)
        found |= {value} if isinstance(value, int) else set(value or ())
    return frozenset(found)


def _fingerprint(folder: Path) -> str:
    return hash_data(json.loads((folder / "config.json").read_text(encoding="utf-8")))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the loader's progress bar off the terminal and the global random state untouched."""
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        if shown:
            logging.enable_progress_bar()
