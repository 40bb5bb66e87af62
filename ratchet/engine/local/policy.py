"""A named policy: a network with what is its own, its gradient and its optimiser's state."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from torch import Tensor

from ratchet.core.errors import EngineError
from ratchet.engine.local.adapters import (
    LowRank,
    copy_adapter,
    create_adapter,
    fuse,
    hand_back,
    tensors_of,
)
from ratchet.engine.local.base import Base, Reader, copy_reader
from ratchet.engine.local.optimiser import Moments
from ratchet.engine.protocol import Adapter, Full


@dataclass
class Policy:
    """Low-rank additions on a shared base, or a full copy of one."""

    base: Base
    """What it was made from."""
    kind: Adapter | Full
    """How it is trained."""
    network: Reader
    """The base's network for an adapter, its own for a full copy."""
    additions: dict[str, LowRank] = field(default_factory=dict)
    """An adapter's tensors by layer; none for a full copy."""
    trainable: bool = True
    """False for a pinned reference."""
    moments: Moments = field(default_factory=Moments)
    """The optimiser's state."""
    number: int = field(default_factory=itertools.count().__next__)
    """Different for every policy of this process."""

    @property
    def version(self) -> tuple[int, int]:
        """Which policy it is, and how often its tensors were written to."""
        return self.number, sum(tensor._version for tensor in self.tensors().values())

    def tensors(self) -> dict[str, Tensor]:
        """Return the policy's own tensors by name, in a fixed order."""
        if isinstance(self.kind, Adapter):
            return tensors_of(self.additions)
        return dict(self.network.named)

    def pinned(self) -> Policy:
        """Return an independent copy that cannot be trained."""
        copied = self.network if isinstance(self.kind, Adapter) else copy_reader(self.network)
        return Policy(self.base, self.kind, copied, copy_adapter(self.additions), trainable=False)

    def reading(self) -> Reader:
        """Return the network with this policy's additions in force, if they change anything."""
        if not any(bool(addition.up.any()) for addition in self.additions.values()):
            return self.network
        return replace(
            self.network, additions=fuse(self.additions, self.network.groups(), train=False)
        )

    def sampling(self) -> Reader:
        """Return what this policy samples with: the network, or the base's faster one."""
        reader = self.reading()
        if self.base.sampler is None or not isinstance(self.kind, Adapter):
            return reader
        return replace(self.base.sampler, additions=reader.additions)

    @contextlib.contextmanager
    def training(self) -> Iterator[Reader]:
        """Lend the network; the gradient found in the block is added to what is there.

        Nothing is added if the block raises.
        """
        if self.additions:
            groups = self.network.groups()
            fused = fuse(self.additions, groups, train=True)
            yield replace(self.base.trainer or self.network, additions=fused)
            hand_back(fused, self.additions, groups)
            return
        tensors = list(self.tensors().values())
        before = [tensor.grad for tensor in tensors]
        for tensor in tensors:
            tensor.grad = None
        try:
            yield self.network
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
        network = copy_reader(base.network)
        for tensor in network.named.values():
            tensor.requires_grad_(True)
        return Policy(base, kind, network)
    if kind.rank < 1:
        raise EngineError(f"rank = {kind.rank} is out of range", "use a rank of 1 or more")
    device = base.network.head.device
    additions = create_adapter(base.network.adaptable(), kind, seed, device)
    for tensor in tensors_of(additions).values():
        tensor.requires_grad_(True)
    return Policy(base, kind, base.network, additions)
