"""What a study of contextual drag observes: drafts, responses, and which problems they match on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

CLEAN = "clean"
"""The condition without any draft."""


@dataclass(frozen=True)
class Draft:
    """An earlier attempt that is put into the context."""

    id: str
    """Names it within a study."""
    problem: str
    """Id of the task it attempts."""
    text: str
    """What is shown."""
    answer: str
    """Its answer in the world's normal form; empty if none can be read."""
    right: bool
    """Whether its answer passes."""
    source: str = "own"
    """``own``, ``other`` (another model) or ``synthetic``."""


@dataclass(frozen=True)
class Response:
    """One sample of one problem under one condition."""

    problem: str
    """Id of the task."""
    condition: str
    """Name of the condition."""
    draw: str
    """Names the random draw; no draw serves both to select and to estimate."""
    text: str
    """What the policy wrote."""
    answer: str
    """Its answer in the world's normal form; empty if none can be read."""
    passed: bool
    """Whether the answer is right."""
    drafts: tuple[str, ...] = ()
    """Ids of the drafts shown, in order."""
    verdict: bool | None = None
    """What it says of the draft: True is "correct"; None if it says nothing readable."""
    truncated: bool = False
    """Whether the token limit cut it off."""
    prompt_tokens: int = 0
    """Tokens read."""
    tokens: int = 0
    """Tokens written."""
    seconds: float = 0.0
    """Share of the wall time of its batch."""


@dataclass(frozen=True)
class Observations:
    """All drafts and responses of one study of one policy on one world.

    Raises ValueError where a response was drawn by a sample that chose problems or drafts: what
    selects may not estimate, or wrong drafts would come with a fall of accuracy that is nothing but
    regression to the mean.
    """

    problems: tuple[str, ...]
    """The matched subset: ids of the problems chosen for every condition."""
    drafts: Mapping[str, Draft]
    """Drafts by id."""
    responses: Sequence[Response]
    """All responses."""
    selection: frozenset[str] = frozenset()
    """Draws that chose problems and drafts."""
    skips: Mapping[str, int] = field(default_factory=dict)
    """Problems left out of the subset, by reason."""

    def __post_init__(self) -> None:
        reused = [r.draw for r in self.responses if r.draw in self.selection]
        if reused:
            raise ValueError(
                f"draw {reused[0]!r} chose problems or drafts and cannot estimate accuracy: "
                "draw fresh samples"
            )

    @cached_property
    def by_condition(self) -> Mapping[str, Mapping[str, tuple[Response, ...]]]:
        """Responses by condition, then by problem of the matched subset."""
        chosen = set(self.problems)
        cells: dict[str, dict[str, list[Response]]] = defaultdict(lambda: defaultdict(list))
        for response in self.responses:
            if response.problem in chosen:
                cells[response.condition][response.problem].append(response)
        return {
            condition: {problem: tuple(found) for problem, found in problems.items()}
            for condition, problems in cells.items()
        }

    def matched(self, *conditions: str) -> tuple[str, ...]:
        """Return the problems that have a response under each of these conditions, in order."""
        cells = [self.by_condition.get(condition, {}) for condition in conditions]
        return tuple(p for p in self.problems if all(p in cell for cell in cells))

    def cell(self, condition: str, problem: str) -> tuple[Response, ...]:
        """Return the responses of one problem under one condition."""
        return self.by_condition.get(condition, {}).get(problem, ())

    def shown(self, response: Response) -> list[Draft]:
        """Return the drafts that a response saw."""
        return [self.drafts[name] for name in response.drafts]

    def mean(
        self,
        condition: str,
        problem: str,
        value: Callable[[Response], float | None] = lambda response: float(response.passed),
    ) -> float | None:
        """Return the mean of a value over one problem's responses; None values are left out."""
        return average(value(response) for response in self.cell(condition, problem))


def average(values: Iterable[float | None]) -> float | None:
    """Return the mean of what is not None, or None if nothing is left."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
