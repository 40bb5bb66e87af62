"""Patches: a proposer that edits source text by named edits, each with a place where it applies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.core.seeds import Seed
from ratchet.search.archive import Entry
from ratchet.search.proposer import Proposal


@dataclass(frozen=True)
class Edit:
    """One change of a source text."""

    name: str
    """What it does, e.g. ``huber loss``."""
    find: str
    """The text it replaces, whole lines or parts of them."""
    replace: str
    """What stands there afterwards."""

    def apply(self, source: str) -> str | None:
        """Return the edited text; None if the place is not there, or there more than once."""
        if source.count(self.find) != 1:
            return None
        return source.replace(self.find, self.replace)


@dataclass(frozen=True)
class PatchGrammar:
    """Writes programs by editing: a few edits of the first text, or one more edit of a parent."""

    source: str
    """The text that everything starts from."""
    edits: Sequence[Edit]
    """What may be changed; an edit may open or close the place of another."""
    most: int = 3
    """Edits of a fresh program."""

    def fresh(self, seed: Seed) -> Proposal:
        """Edit the first text at random places."""
        rng = seed.rng()
        return self._edit(
            self.source, 1 + int(rng.integers(self.most)), (), int(rng.integers(2**32))
        )

    def change(self, parents: Sequence[Entry], seed: Seed) -> Proposal:
        """Edit the first parent once."""
        rng = seed.rng()
        return self._edit(parents[0].program, 1, (parents[0].id,), int(rng.integers(2**32)))

    def _edit(self, source: str, count: int, parents: tuple[str, ...], draw: int) -> Proposal:
        order = Seed(int(draw)).rng().permutation(len(self.edits))
        done: list[str] = []
        for at in order:
            edited = self.edits[at].apply(source)
            if edited is not None and edited != source:
                source = edited
                done.append(self.edits[at].name)
            if len(done) == count:
                break
        return Proposal(source, parents, " + ".join(done) or "unchanged")
