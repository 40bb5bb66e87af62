"""A problem of Countdown: its text, canonical form, family and level."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from ratchet.core.codec import hash_text
from ratchet.worlds.countdown.expression import Number
from ratchet.worlds.countdown.solutions import MAX_GIVEN, Solution, solve
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.protocol import Stream

WORLD = "countdown"
FAMILIES = ("two", "three", "four", "some", "twenty_four")
"""Two, three or four numbers, each exactly once; at most once; four up to 13 that make 24."""
LEVELS = (1, 2, 3, 4, 5)
REASONS = (
    "no_problem",
    "too_long",
    "too_many_numbers",
    "out_of_range",
    "unsolvable",
    "trivial",
    "reserved",
)
"""Why a text is not an open task: no ``Make T from a, b``; over 200 characters; fewer than 2 or
more than 4 numbers; a number outside 1-99 or a target outside 1-999; nothing makes the target; one
of the numbers is the target already; kept for anchors."""

MAX_TEXT = 200
MAX_NUMBER = 99
MAX_TARGET = 999
CARD, TWENTY_FOUR = 13, 24

_PROMPT = re.compile(
    r"make\s+([0-9]{1,6})\s+(?:from|with|using|out\s+of)\s+"
    r"((?:[0-9]{1,6}(?:\s*,\s*and\s+|\s*,\s*|\s+and\s+|\s+))*[0-9]{1,6})"
    r"(?:\s*,?\s*(?:using\s+)?each(?:\s+number)?\s+(exactly|at\s+most)\s+once)?\s*[.:?]?\s*",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Problem:
    """A target and the numbers to make it from."""

    target: int
    """What is to be made, 1 to 999."""
    numbers: tuple[int, ...]
    """2 to 4 numbers, 1 to 99, in the order they are shown."""
    every: bool = True
    """Whether each number is to be used exactly once; else at most once."""

    @property
    def prompt(self) -> str:
        """The text a solver sees."""
        given = ", ".join(map(str, self.numbers))
        rule = "exactly" if self.every else "at most"
        return f"Make {self.target} from {given}, each {rule} once."

    @property
    def form(self) -> str:
        """The canonical form of target and numbers: the partition hangs on it under both rules."""
        return f"{self.target} = {' '.join(map(str, sorted(self.numbers)))}"

    @cached_property
    def stream(self) -> Stream | None:
        """The stream this is reserved for, or None."""
        return reserved_stream(WORLD, self.form)

    @cached_property
    def id(self) -> str:
        """The task id: of the canonical form and the rule."""
        rule = "exactly" if self.every else "at most"
        return hash_text("\x1f".join((WORLD, self.form, rule)))

    @property
    def family(self) -> str:
        """One of ``FAMILIES``."""
        if not self.every:
            return "some"
        if len(self.numbers) < MAX_GIVEN:
            return FAMILIES[len(self.numbers) - 2]
        game = self.target == TWENTY_FOUR and max(self.numbers) <= CARD
        return "twenty_four" if game else "four"

    @cached_property
    def solution(self) -> Solution | None:
        """The simplest solution, or None."""
        return solve(self.numbers, self.target, self.every)

    @cached_property
    def level(self) -> int:
        """The operators of the simplest solution, and 1 each for a product and for a fraction.

        0 if there is no solution or nothing to do.
        """
        best = self.solution
        if best is None or isinstance(best.tree, Number):
            return 0
        return best.steps + bool(best.products) + best.fractional


def read_prompt(text: str) -> Problem | str:
    """Return the problem that a text states, solvable or not, or the reason why none. Total.

    A text without a rule means exactly once.
    """
    if len(text) > MAX_TEXT:
        return "too_long"
    match = _PROMPT.fullmatch(text.strip())
    if match is None:
        return "no_problem"
    numbers = tuple(map(int, _NUMBER.findall(match[2])))
    if not 2 <= len(numbers) <= MAX_GIVEN:
        return "too_many_numbers"
    target = int(match[1])
    if not (min(numbers) >= 1 and max(numbers) <= MAX_NUMBER and 1 <= target <= MAX_TARGET):
        return "out_of_range"
    return Problem(target, numbers, match[3] is None or match[3].lower() == "exactly")


_BEFORE = re.compile(
    r"(?:[-*•]\s+|[0-9]{1,3}[.):]\s+|(?:q|question|problem|task)\s*[0-9]{0,3}\s*[.:]\s*)",
    re.IGNORECASE,
)


def read_proposal(text: str) -> Problem | str:
    """Return the open, solvable problem in the first line of a text, or a reason. Total."""
    line = text[: 5 * MAX_TEXT].strip().split("\n", 1)[0].strip()
    while (match := _BEFORE.match(line)) is not None:
        line = line[match.end() :]
    problem = read_prompt(line.strip("`\"'"))
    if isinstance(problem, str):
        return problem
    if problem.stream is not None:
        return "reserved"
    if problem.solution is None:
        return "unsolvable"
    return problem if problem.level else "trivial"
