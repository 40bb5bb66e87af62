"""Models of other families, through their own forward: correct, without the shortcuts."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ratchet.engine.local.choose import choose
from ratchet.engine.local.linear import Addition
from ratchet.engine.local.rows import Ended, Row, Stops, go_on, list_rows
from ratchet.engine.local.tree import Tree
from ratchet.engine.protocol import Sampling

ROWS = 64
"""Most rows written side by side."""


@dataclass(frozen=True)
class Foreign:
    """A Hugging Face causal language model as it is; sequences are padded, nothing is shared."""

    model: Any
    """The model."""
    dtype: torch.dtype
    """What it computes in."""
    additions: Mapping[str, Addition] = field(default_factory=dict)
    """In force, by layer."""

    @property
    def named(self) -> Mapping[str, Tensor]:
        """Every tensor a full policy trains, by its name in the model."""
        return dict(self.model.named_parameters())

    @property
    def head(self) -> Tensor:
        """Weight of the layer from hidden states to logits."""
        weight: Tensor = self.model.get_output_embeddings().weight
        return weight

    def adaptable(self) -> dict[str, tuple[int, int]]:
        """Return (out, in) of every linear layer but the head, by name."""
        head = self.model.get_output_embeddings()
        return {
            name: (layer.weight.shape[0], layer.weight.shape[1])
            for name, layer in self.model.named_modules()
            if type(layer) is nn.Linear and layer is not head
        }

    def groups(self) -> list[tuple[str, ...]]:
        """Return each layer by itself."""
        return [(name,) for name in self.adaptable()]

    def read(self, tree: Tree) -> Tensor:
        """Return the hidden states [packed, width] of a tree, each sequence read by itself."""
        device = self.head.device
        rows = [[tree.tokens[i] for i in where] for where in tree.where]
        tokens, seen = _pad(rows, device, left=False)
        with self._adapted():
            hidden = self.model.base_model(
                input_ids=tokens, attention_mask=seen, use_cache=False
            ).last_hidden_state
        place = {i: (row, at) for row, where in enumerate(tree.where) for at, i in enumerate(where)}
        found = torch.tensor([place[i] for i in range(len(tree.tokens))], device=device)
        result: Tensor = hidden[found[:, 0], found[:, 1]]
        return result

    def logits(self, hidden: Tensor) -> Tensor:
        """Return logits in float32."""
        return nn.functional.linear(hidden, self.head.to(hidden.dtype)).float()

    def write(
        self, stops: Stops, prompts: Sequence[Sequence[int]], sampling: Sampling, ended: Ended
    ) -> None:
        """Write completions with the model's own cache; draws are those of ``sampler.sample``.

        Rows that go on wait for each other, and are read anew.
        """
        generator = torch.Generator().manual_seed(sampling.seed)
        count = len(prompts) * sampling.n
        numbers = torch.rand(count, sampling.max_tokens, generator=generator, dtype=torch.float64)
        rows = list_rows(prompts, sampling)
        with torch.inference_mode(), self._adapted():
            for at in range(0, count, ROWS):
                going = rows[at : at + ROWS]
                while going:
                    self._write(stops, going, numbers, sampling)
                    go_on(going, ended)
                    going = [row for row in going if row.stop is None]

    def _write(
        self, stops: Stops, rows: Sequence[Row], numbers: Tensor, sampling: Sampling
    ) -> None:
        device = self.head.device
        tokens, seen = _pad([row.prompt for row in rows], device, left=True)
        past = None
        slots = [row.slot for row in rows]
        while True:
            places = {}
            if "position_ids" in inspect.signature(self.model.forward).parameters:
                found = (seen.cumsum(1) - 1).clamp_min(0)
                places["position_ids"] = found[:, -tokens.shape[1] :]
            output = self.model(
                input_ids=tokens,
                attention_mask=seen,
                past_key_values=past,
                use_cache=True,
                **places,
            )
            past = output.past_key_values
            at = [min(row.drawn, sampling.max_tokens - 1) for row in rows]
            given = numbers[slots, at].to(device)
            choice = choose(output.logits[:, -1].float(), sampling, given)
            stops.take(rows, choice)
            if all(row.stop is not None for row in rows):
                return
            tokens = choice.tokens[:, None]
            seen = torch.cat([seen, seen.new_ones(len(rows), 1)], dim=1)

    @contextmanager
    def _adapted(self) -> Iterator[None]:
        """Add the low-rank products to the layers' outputs inside the block."""
        hooks = [
            self.model.get_submodule(name).register_forward_hook(_adding(addition))
            for name, addition in self.additions.items()
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def copy_foreign(network: Foreign) -> Foreign:
    """Return an independent copy with weights in float32."""
    model = copy.deepcopy(network.model).float().requires_grad_(False)
    return Foreign(model, network.dtype)


def _adding(addition: Addition) -> Any:
    def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        (x,) = inputs
        inner = nn.functional.linear(x, addition.down.to(x.dtype))
        return output + nn.functional.linear(inner, addition.up.to(x.dtype))

    return add


def _pad(rows: Sequence[Sequence[int]], device: torch.device, left: bool) -> tuple[Tensor, Tensor]:
    """Return tokens and a mask [rows, longest], filled up with zeros on one side."""
    longest = max(map(len, rows))
    tokens, seen = [], []
    for row in rows:
        filling = [0] * (longest - len(row))
        tokens.append([*filling, *row] if left else [*row, *filling])
        seen.append([*filling, *[1] * len(row)] if left else [*[1] * len(row), *filling])
    return torch.tensor(tokens, device=device), torch.tensor(seen, device=device)
