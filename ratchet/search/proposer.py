"""Who writes the next program: one protocol for grammars, patches and language models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ratchet.core.seeds import Seed
from ratchet.search.archive import Entry


@dataclass(frozen=True)
class Proposal:
    """A program that nobody has evaluated yet. Its text is data."""

    program: str
    """Its text, canonical where the proposer knows the language."""
    parents: tuple[str, ...] = ()
    """Ids of what it was made from, the main one first."""
    operator: str = "fresh"
    """What was done."""


class Proposer(Protocol):
    """Writes programs. All it draws comes from the seed it is given."""

    def fresh(self, seed: Seed) -> Proposal:
        """Write one from nothing."""
        ...

    def change(self, parents: Sequence[Entry], seed: Seed) -> Proposal:
        """Write one from these, the main one first; there is at least one."""
        ...


class SpentError(Exception):
    """A proposer's own budget, of tokens or money, does not allow another program."""
