"""Dividing a table once: which rows the search sees, and which are sealed for gate and final.

Sealed rows come from where the hidden ones are like: the largest scale, or whole mixtures. The
search keeps most of these, since its own hold-outs need them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.holdout import make_folds
from ratchet.research.scaling_laws.table import Table

SHARES: Mapping[str, float] = {"gate": 0.25, "final": 0.15, "audit": 0.05}
"""Shares of the furthest rows that are sealed, by stream; at least two rows each, audit one."""


@dataclass(frozen=True)
class Division:
    """Row numbers of a table, each in one list."""

    open: tuple[int, ...]
    """For the search."""
    gate: tuple[int, ...]
    """For decisions."""
    audit: tuple[int, ...]
    """For the base."""
    final: tuple[int, ...]
    """For the final measurement."""


def divide(table: Table, seed: Seed) -> Division:
    """Divide a table; a function of the rows and the seed. Raises ValueError on too few rows."""
    folds = make_folds(table, seed)
    if not folds:
        raise ValueError("too few rows to hold any out")
    far = folds[0].held
    order = seed.child("division").rng().permutation(far)
    parts, start = {}, 0
    for name, share in SHARES.items():
        count = max(1 if name == "audit" else 2, round(share * len(far)))
        parts[name] = tuple(sorted(int(i) for i in order[start : start + count]))
        start += count
    sealed = {i for rows in parts.values() for i in rows}
    kept = tuple(i for i in range(len(table)) if i not in sealed)
    if start >= len(far) or set(table.at(kept).groups) != set(table.groups):
        raise ValueError("too few rows beyond the others to seal any")
    return Division(kept, parts["gate"], parts["audit"], parts["final"])
