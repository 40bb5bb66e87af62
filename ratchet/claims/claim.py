"""What a recipe claims and how that is tested, written down before the first run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ratchet.core.codec import hash_data, to_data
from ratchet.core.config import nearest
from ratchet.core.errors import ConfigError

Comparison = Literal[
    "treatment > control",
    "treatment > 0",
    "treatment not > bound",
    "treatment not < control",
    "order",
    "flip",
]
_ARMS: Mapping[Comparison, tuple[int, int]] = {
    "treatment > control": (2, 2),
    "treatment > 0": (1, 1),
    "treatment not > bound": (1, 1),
    "treatment not < control": (2, 2),
    "order": (2, 99),
    "flip": (4, 4),
}
_MEND = "correct the recipe's claims.py"


@dataclass(frozen=True)
class Arm:
    """One way of running the recipe: the tier's settings with a few of them changed."""

    name: str
    """Short word; names the arm's run folders."""
    overrides: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """Settings of the recipe that this arm changes; seed and threads belong to the harness."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_]+", self.name):
            raise ConfigError(f"{self.name!r} is no name for an arm", "use letters, digits and _")
        kept = {"seed", "threads", "recipe", "tier"} & set(self.overrides)
        if kept:
            raise ConfigError(f"arm {self.name} sets {', '.join(sorted(kept))}", _MEND)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement and its test."""

    name: str
    """Short word."""
    statement: str
    """The paper's or our own, in one sentence."""
    source: str
    """Where it is said: paper with section, or ``ours``."""
    arms: tuple[str, ...]
    """Names of arms: treatment, then control; for ``order`` best first; for ``flip`` treatment and
    control where the treatment should be better, then where it should be worse."""
    metric: str
    """Path into ``report.json``, such as ``gain.mean``, or the difference ``PATH - PATH``."""
    comparison: Comparison
    """How the arms are compared. A control is held to ``treatment not > bound``, what is to do no
    harm to ``treatment not < control``."""
    smallest_effect: float
    """Smallest effect of interest, in the metric's unit; the bound of ``not > bound``."""
    share: float = 1.0
    """What the control is multiplied by before it is compared."""
    seeds: tuple[int, ...] = (5, 10, 20)
    """Seeds at each look; every look is tested at 0.05 divided by the number of looks."""
    testable: tuple[str, ...] = ()
    """Tiers at which it can be tested; empty for all."""
    why_not: str = ""
    """Why it cannot at the other tiers."""

    def __post_init__(self) -> None:
        fewest, most = _ARMS[self.comparison]
        if not fewest <= len(self.arms) <= most:
            count = f"{fewest} arm{'s' * (fewest > 1)}{' or more' * (most > fewest)}"
            raise ConfigError(f"{self.name}: {self.comparison!r} takes {count}", _MEND)
        if not 0 < self.share <= 1:
            raise ConfigError(f"{self.name}: the share must lie in (0, 1]", _MEND)
        if not self.smallest_effect > 0:
            raise ConfigError(f"{self.name}: the smallest effect must be above 0", _MEND)
        rising = list(self.seeds) == sorted(set(self.seeds))
        if not self.seeds or not rising or self.seeds[0] < 2:
            raise ConfigError(f"{self.name}: seeds must rise from 2 or more", _MEND)
        if self.testable and not self.why_not:
            raise ConfigError(f"{self.name}: say why it is not testable at other tiers", _MEND)

    def is_testable(self, tier: str) -> bool:
        """Whether it can be tested at this tier."""
        return not self.testable or tier in self.testable


@dataclass(frozen=True)
class Claims:
    """All that a recipe claims."""

    arms: tuple[Arm, ...]
    """Each is run once per seed, however many claims use it."""
    claims: tuple[Claim, ...]
    """In the order in which they are reported."""

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        _refuse_doubles("arm", names)
        _refuse_doubles("claim", [claim.name for claim in self.claims])
        for claim in self.claims:
            for name in claim.arms:
                if name not in names:
                    message = f"{claim.name}: there is no arm {name!r}{nearest(name, names)}"
                    raise ConfigError(message, _MEND)

    @property
    def hash(self) -> str:
        """Hash of the content: every statement, arm, metric and threshold.

        A share of 1 is left out, so that claims without one keep the hash they were fixed under.
        """
        data = to_data(self)
        for claim in data["claims"]:
            if claim["share"] == 1.0:
                del claim["share"]
        return hash_data(data)


def _refuse_doubles(what: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two {what}s are called {name!r}", _MEND)
