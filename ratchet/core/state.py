"""The state of a loop as one value: versioned, gated and rolled back as a unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ratchet.core.codec import hash_data
from ratchet.core.findings import Finding
from ratchet.core.records import Evaluation, Trace, Transition


@dataclass(frozen=True)
class Component:
    """A part of the state: a kind and the content hash of its files under ``versions/``."""

    kind: str
    """What it is: ``policy``, ``optimiser``, ``pool``, ``program``, ``memory``, ``rubric`` ..."""
    hash: str
    """Content hash; the files lie in ``versions/<hash>/``."""


@dataclass(frozen=True)
class State(Mapping[str, Component]):
    """A frozen mapping from names to components; it holds no live object."""

    components: Mapping[str, Component]
    """Components by name."""

    @property
    def hash(self) -> str:
        """The Merkle root: a hash over names, kinds and component hashes."""
        return hash_data({name: [c.kind, c.hash] for name, c in self.components.items()})

    def replace(self, **components: Component) -> State:
        """Return a state with these components in place of, or beside, the present ones."""
        return State({**self.components, **components})

    def __getitem__(self, name: str) -> Component:
        return self.components[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.components)

    def __len__(self) -> int:
        return len(self.components)


@dataclass(frozen=True)
class Candidate:
    """What ``improve`` proposes: a new state, with all that led to it."""

    state: State
    """The proposed state."""
    records: tuple[Trace | Evaluation | Transition, ...] = ()
    """Everything that was tried on the way."""
    findings: tuple[Finding, ...] = ()
    """What the recipe itself noticed."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Named numbers of this generation, for the report."""
