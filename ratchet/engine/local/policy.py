"""A named policy: a network with what is its own, its gradient and its optimiser's state."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ratchet.core.errors import EngineError
from ratchet.engine.local.adapters import (
    copy_adapter,
    create_adapter,
    merge_adapter,
    tensors_of,
)
from ratchet.engine.local.base import Base, Network
from ratchet.engine.local.linear import LowRank
from ratchet.engine.local.optimiser import Moments
from ratchet.engine.protocol import Adapter, Full


@dataclass
class Policy:
    """Low-rank additions on a shared base, or a full copy of one."""

    base: Base
    """What it was made from."""
    kind: Adapter | Full
    """How it is trained."""
    network: Network
    """The base's network for an adapter, its own for a full copy."""
    additions: dict[str, LowRank] = field(default_factory=dict)
    """An adapter's tensors by layer; none for a full copy."""
    trainable: bool = True
    """False for a pinned reference."""
    moments: Moments = field(default_factory=Moments)
    """The optimiser's state."""
    number: int = field(default_factory=itertools.count().__next__)
    """Different for every policy of this process."""

    def tensors(self) -> dict[str, Tensor]:
        """Return the policy's own tensors by name, in a fixed order."""
        if isinstance(self.kind, Adapter):
            return tensors_of(self.additions)
        return dict(self.network.model.named_parameters())

    def pinned(self) -> Policy:
        """Return an independent copy that cannot be trained."""
        copied = self.network if isinstance(self.kind, Adapter) else self.network.copy()
        copied.model.requires_grad_(False)
        return Policy(self.base, self.kind, copied, copy_adapter(self.additions), trainable=False)

    @contextlib.contextmanager
    def in_force(self, merged: bool = False) -> Iterator[Network]:
        """Lend the network with this policy's additions switched on.

        ``merged`` adds them to the weights beforehand, which saves a fifth of a sampling step. In
        bfloat16 that would round small additions away, so there they stay apart.
        """
        head = self.network.head.weight
        mixed = isinstance(self.kind, Full) and self.base.network.head.weight.dtype != head.dtype
        merge = merged and head.dtype == torch.float32
        self.network.switch.active = self._merged() if merge else self.additions
        try:
            with torch.autocast(
                head.device.type, self.base.network.head.weight.dtype, enabled=mixed
            ):
                yield self.network
        finally:
            self.network.switch.active = {}

    def _merged(self) -> dict[str, Tensor]:
        """Return merged weights from the base's one buffer, filled anew if it holds others."""
        if not self.additions:
            return {}
        key = (self.number, sum(tensor._version for tensor in self.tensors().values()))
        room = self.base.room
        if room.holds != key:
            room.holds = None
            room.weights = merge_adapter(self.network, self.additions, room.weights)
            room.holds = key
        return room.weights

    @contextlib.contextmanager
    def gathering(self) -> Iterator[None]:
        """Add the gradient found in this block to what is there, or nothing if the block raises."""
        tensors = list(self.tensors().values())
        before = [tensor.grad for tensor in tensors]
        for tensor in tensors:
            tensor.grad = None
        try:
            yield
        except BaseException:
            for tensor, kept in zip(tensors, before, strict=True):
                tensor.grad = kept
            raise
        for tensor, kept in zip(tensors, before, strict=True):
            if kept is not None:
                tensor.grad = kept if tensor.grad is None else kept + tensor.grad


def create_policy(base: Base, kind: Adapter | Full, seed: int) -> Policy:
    """Return a policy that equals its base. Raises EngineError on a rank below 1."""
    if isinstance(kind, Full):
        network = base.network.copy()
        network.model.float().requires_grad_(True)
        return Policy(base, kind, network)
    if kind.rank < 1:
        raise EngineError(f"rank = {kind.rank} is out of range", "use a rank of 1 or more")
    additions = create_adapter(base.network, kind, seed)
    for tensor in tensors_of(additions).values():
        tensor.requires_grad_(True)
    return Policy(base, kind, base.network, additions)
