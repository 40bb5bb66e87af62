"""Bases: a Hugging Face model and its tokenizer, loaded once and shared by its policies."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer
from torch import Tensor

from ratchet.core.codec import hash_data
from ratchet.core.errors import EngineError, ModelError
from ratchet.engine.local.families import copy_network, read_network
from ratchet.engine.local.foreign import Foreign, copy_foreign
from ratchet.engine.local.halved import halve, halve_both_ways
from ratchet.engine.local.network import Network
from ratchet.engine.local.rows import Closers
from ratchet.engine.local.tree import pack

CHECK_TOLERANCE = 1e-3
"""How far the packed forward may lie from the model's own, relative to its largest logit."""


Reader = Network | Foreign
"""What reads tokens: a network of our own, or a model of another family as it is."""


@dataclass(frozen=True)
class Base:
    """A network with its tokenizer."""

    name: str
    """The name it was asked for."""
    folder: Path
    """Where its files lie."""
    network: Reader
    """The frozen model."""
    tokenizer: Tokenizer
    """Text to tokens and back."""
    ends: frozenset[int]
    """Tokens that end a completion."""
    fingerprint: str
    """Hash of its configuration: weights saved for another shape of model do not fit."""
    closers: Closers
    """Where stop texts may end."""
    sampler: Reader | None = None
    """What adapters sample with, if not with the network itself."""
    trainer: Network | None = None
    """What adapters are trained on, if not on the network itself."""

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self.network.head.shape[0]

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


def copy_reader(network: Reader) -> Reader:
    """Return an independent network with the same weights and no additions in force."""
    return copy_network(network) if isinstance(network, Network) else copy_foreign(network)


def load_base(
    name: str,
    folder: Path,
    device: torch.device,
    dtype: torch.dtype,
    recompute: bool = False,
    sample_halved: bool = False,
    train_halved: bool = False,
) -> Base:
    """Load a folder that ``models.resolve`` returned, with halved networks for adapters or not.

    A model of another family than Llama's goes through its own forward, slowly, with a warning.
    Raises ModelError on files that cannot be read, EngineError on a model whose logits are not its
    head's product with its last hidden state.
    """
    model = _load(name, folder, device, dtype)
    expected = _own_logits(model)
    network: Reader | None = read_network(model)
    if network is None or not _agrees(network, expected):
        if network is not None:
            model = _load(name, folder, device, dtype)
        kind = type(model).__name__
        network = Foreign(model, dtype)
        if not _agrees(network, expected):
            raise EngineError(
                f"{name}: the logits of {kind} are not its head's product with its hidden state",
                "use a Llama, Mistral or Qwen model",
            )
        warnings.warn(
            f"{name}: {kind} goes through its own forward, several times slower than a model of "
            "the Llama family would",
            stacklevel=2,
        )
    tokenizer = _read_tokenizer(name, folder)
    ends = _ends(model)
    base = Base(name, folder, network, tokenizer, ends, _fingerprint(folder), Closers(tokenizer))
    if not isinstance(network, Network):
        return base
    network = dataclasses.replace(network, recompute=recompute)
    halved = halve(network) if sample_halved or train_halved else None
    return dataclasses.replace(
        base,
        network=network,
        sampler=halved if sample_halved else None,
        trainer=halve_both_ways(network, halved) if halved and train_halved else None,
    )


def _load(name: str, folder: Path, device: torch.device, dtype: torch.dtype) -> Any:
    try:
        with _quiet():
            model = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, attn_implementation="sdpa", local_files_only=True
            )
    except Exception as error:  # the loaders raise many unrelated types
        raise _unreadable(name, folder, error) from error
    model.eval().requires_grad_(False)
    return model.to(device)


def _read_tokenizer(name: str, folder: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises a bare Exception
        raise _unreadable(name, folder, error) from error


def _unreadable(name: str, folder: Path, error: Exception) -> ModelError:
    return ModelError(f"cannot load {name} from {folder}: {error}", f"ratchet models get {name}")


def _own_logits(model: Any) -> Tensor:
    tokens = torch.tensor([_probe(model.get_output_embeddings().weight)], device=model.device)
    with torch.inference_mode():
        result: Tensor = model(input_ids=tokens, use_cache=False).logits[0].float()
    return result


def _probe(head: Tensor) -> list[int]:
    return [(7 * i + 3) % head.shape[0] for i in range(12)]


def _agrees(network: Reader, expected: Tensor) -> bool:
    """Compare the reading of two sequences that share a prefix with the model's own logits."""
    probe = _probe(network.head)
    tree = pack([probe, probe[:5]])
    with torch.inference_mode():
        hidden = network.read(tree)
        ours = network.logits(hidden[torch.tensor(tree.where[0], device=hidden.device)])
    gap = float((ours - expected).abs().max() / expected.abs().max().clamp_min(1e-9))
    return gap <= (CHECK_TOLERANCE if network.dtype == torch.float32 else 0.1)


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
