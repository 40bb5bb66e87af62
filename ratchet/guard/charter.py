"""The charter: what a run is for, how it is measured, and what it may spend.

A small TOML file that people write and no part of the loop does. Its hash goes into every
generation, and the anchors of a run are a function of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from ratchet.core.codec import hash_data
from ratchet.core.config import Config, nearest
from ratchet.core.errors import ConfigError
from ratchet.guard.budget import Budget
from ratchet.guard.contamination import Benchmarks
from ratchet.guard.terms import GateTerms
from ratchet.worlds.rows import TableTerms

BUILTIN = Path(__file__).parent / "charters"
"""Where the charters that ship with Ratchet lie."""

Weight = Annotated[float, Field(ge=0.0, le=1.0)]
"""A share in [0, 1]; the shares of a table sum to 1."""


class Quality(Config):
    """What an improvement may not cost."""

    margin: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = None
    """Largest relative increase of perplexity on plain text allowed; absent: not guarded."""


class Charter(Config):
    """The terms of a run, fixed before it starts."""

    objective: Annotated[str, Field(min_length=1)]
    """What the run is for, in plain words."""
    world: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    """Import path of the world's class, ``module:Class``; it is called without arguments, or with
    ``table`` where the charter has one."""
    families: Mapping[str, Weight]
    """Share of the anchors by family."""
    levels: Mapping[int, Weight]
    """Share of the anchors by level."""
    quality: Quality = Quality()
    """What an improvement may not cost."""
    budget: Budget = Budget()
    """What the run may spend."""
    benchmarks: Benchmarks | None = None
    """Public test sets that must not be trained on; absent: none is scanned for."""
    gate: GateTerms | None = None
    """How candidates are judged over the life of the run; absent: one interval per decision."""
    table: TableTerms | None = None
    """The finite table that the world's rows come from, and its division; absent: no table."""

    @field_validator("families", "levels")
    @classmethod
    def _sum_to_one(cls, weights: Mapping[str | int, float]) -> Mapping[str | int, float]:
        total = sum(weights.values())
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"weights must sum to 1, these sum to {total:.6g}")
        return weights

    @property
    def hash(self) -> str:
        """Hash of the content: comments, order and layout of the file do not matter."""
        return hash_data(self.terms)

    @property
    def terms(self) -> dict[str, Any]:
        """The whole content as plain JSON data; what the hash is over, and what a ledger keeps."""
        # What is absent leaves no trace, so that charters written before it keep their hash.
        data = self.model_dump(mode="json")
        for name in ("gate", "benchmarks", "table"):
            if data[name] is None:
                del data[name]
        if self.gate is not None and self.gate.capability_jump is None:
            del data["gate"]["capability_jump"]
        return {**data, "budget": self.budget.traces()}

    @property
    def fixed_hash(self) -> str:
        """Hash of all but the budget: what candidates are judged by, and where anchors come from.

        A person may change the budget of a run that is under way, and nothing else.
        """
        return self.model_copy(update={"budget": Budget()}).hash


def find_charter(name_or_path: str) -> Path:
    """Return the path of a charter that ships with Ratchet, or of a file; raises ConfigError."""
    names = sorted(path.stem for path in BUILTIN.glob("*.toml"))
    if name_or_path in names:
        return BUILTIN / f"{name_or_path}.toml"
    path = Path(name_or_path)
    if path.is_file():
        return path
    raise ConfigError(
        f"no charter {name_or_path!r}{nearest(path.stem, names)}",
        f"name one of {', '.join(names)}, or the path of a TOML file",
    )
