"""Scores by item, and what was decided on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True)
class ItemScore:
    """All that the evaluator tells about one anchor."""

    item: str
    """Opaque id: equal for equal anchors within a run, meaningless outside the evaluator."""
    family: str
    """The anchor's family."""
    score: float
    """In [0, 1], higher is better."""
    parsed: bool
    """Whether an answer could be read."""


@dataclass(frozen=True)
class Scores:
    """One solver measured on one draw of anchors."""

    items: tuple[ItemScore, ...]
    """By item, in the order of the draw."""

    def __len__(self) -> int:
        return len(self.items)

    @property
    def mean(self) -> float:
        """Mean score in [0, 1]; 0 for an empty draw."""
        return sum(i.score for i in self.items) / len(self.items) if self.items else 0.0

    def by_family(self) -> dict[str, list[float]]:
        """Return the scores of each family, families sorted by name."""
        families: dict[str, list[float]] = {}
        for item in self.items:
            families.setdefault(item.family, []).append(item.score)
        return dict(sorted(families.items()))


@dataclass(frozen=True)
class Evidence:
    """Candidate and incumbent on the same anchors."""

    stream: str
    """Which stream the anchors came from."""
    candidate: Scores
    """The candidate's scores."""
    incumbent: Scores
    """The incumbent's scores, item by item the same anchors."""


class Verb(StrEnum):
    """What the gate can decide."""

    PROMOTE = "promote"
    """The candidate becomes the incumbent."""
    HOLD = "hold"
    """The candidate stays the working branch; the incumbent stays deployed."""
    REJECT = "reject"
    """The branch returns to the incumbent."""
    HALT = "halt"
    """Stop and say why."""


class Ending(StrEnum):
    """Why a run ends with a decision."""

    HALTED = "halted"
    """A finding asked for it."""
    BUDGET_SPENT = "budget_spent"
    """No test is left, so nothing more can be promoted."""
    NEEDS_APPROVAL = "needs_approval"
    """The candidate passed, but a person has to agree before it is promoted."""


@dataclass(frozen=True)
class Decision:
    """A gate's decision, explained."""

    verb: Verb
    """What happens."""
    reason: str
    """One sentence with the numbers in it."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Gain, interval, anchors used."""
    tests: int = 0
    """Tests of the run's error budget that this decision spent."""
    ends: Ending | None = None
    """Why the run ends after this decision; None: it goes on. A halt always ends it."""
