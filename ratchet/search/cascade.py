"""Evaluation in stages: what is cheap to refuse is refused before what is dear is run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ratchet.core.errors import ConfigError


@dataclass(frozen=True)
class Assessment:
    """What an evaluation found."""

    score: float = 0.0
    """In [0, 1], higher is better."""
    failure: str = ""
    """Name of why the program is rejected; empty if it is not."""
    feedback: str = ""
    """The same for who proposes next."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Named numbers."""
    cell: tuple[int, ...] = ()
    """Cell of the MAP-Elites grid."""
    behaviour: str = ""
    """What the program does, as far as it was seen; programs of one behaviour are equivalent.
    Empty if nothing can be said."""


@dataclass(frozen=True)
class Metric:
    """What is optimised. Its direction is declared, never guessed."""

    name: str
    """e.g. ``nmse``."""
    rises: bool
    """Whether more is better."""
    low: float
    """Least value that can be true; what lies below it is a failure, not a record."""
    high: float = math.inf
    """Largest value that can be true."""

    def score(self, value: float) -> Assessment:
        """Map a value to a score, or to the failure ``impossible_value``.

        From ``low`` to ``high`` the map is linear; without an upper end, x above ``low`` counts as
        1 / (1 + x) if less is better, else as the rest of it to 1.
        """
        if not (self.low <= value <= self.high and math.isfinite(value)):
            told = f"{self.name} = {value:.6g} is not in [{self.low:g}, {self.high:g}]"
            return Assessment(failure="impossible_value", feedback=told)
        above, width = value - self.low, self.high - self.low
        low = 1.0 / (1.0 + above) if math.isinf(width) else 1.0 - above / width
        return Assessment(1.0 - low if self.rises else low, measures={self.name: value})


@dataclass(frozen=True)
class Stage:
    """One step of a cascade."""

    name: str
    """What it looks at."""
    assess: Callable[[str], Assessment]
    """Total: whatever the program is, it returns an assessment."""
    threshold: float = 0.0
    """Least score with which a program goes on to the next stage."""


@dataclass(frozen=True)
class Cascade:
    """Stages in order; the last one's assessment counts."""

    stages: Sequence[Stage]
    """At least one."""

    def __call__(self, program: str) -> Assessment:
        """Assess a program; the first stage that fails it ends it."""
        found = Assessment()
        for place, stage in enumerate(self.stages):
            found = stage.assess(program)
            if found.failure:
                return found
            if found.score < stage.threshold and place < len(self.stages) - 1:
                told = f"scored {found.score:.3f} in {stage.name}, less than {stage.threshold:.3f}"
                return Assessment(0.0, f"below_{stage.name}", told, found.measures)
        return found


def self_test(
    assess: Callable[[str], Assessment], good: Mapping[str, float], bad: Mapping[str, str]
) -> None:
    """Check an evaluator before a search trusts it. Raises ConfigError.

    ``good`` maps programs to the least score they must reach, ``bad`` maps programs to the name of
    the failure they must come to; the good must also score above whatever is bad.
    """
    for program, least in good.items():
        found = assess(program)
        if found.failure or found.score < least:
            said = found.failure or f"{found.score:.3f}"
            raise ConfigError(
                f"the evaluator gives {said} to a program that must reach {least:.3f}: "
                f"{program[:80]}",
                "correct the evaluator before searching",
            )
    for program, failure in bad.items():
        found = assess(program)
        if found.failure != failure:
            said = found.failure or f"a score of {found.score:.3f}"
            raise ConfigError(
                f"the evaluator gives {said} to a program that must fail as {failure}: "
                f"{program[:80]}",
                "correct the evaluator before searching",
            )
