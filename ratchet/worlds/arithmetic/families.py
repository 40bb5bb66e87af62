"""Problems of the eight families: the first four listed whole, the others drawn at random.

Differences are not negative in the listed families; elsewhere they may be. Reserved and open
problems come from here alike; telling them apart is the supply's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from random import Random

from ratchet.core.codec import hash_text
from ratchet.worlds.arithmetic.canonical import canonical
from ratchet.worlds.arithmetic.expression import (
    Expression,
    Number,
    Operation,
    Operator,
    parse_expression,
    render,
)
from ratchet.worlds.arithmetic.levels import LEVELS, carries, family_of, level_of
from ratchet.worlds.arithmetic.reasons import Reason
from ratchet.worlds.arithmetic.words import TEMPLATES
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.protocol import Stream

WORLD = "arithmetic"


@dataclass(frozen=True)
class Problem:
    """An expression, as such or in words."""

    expression: Expression
    """What is to be computed."""
    sentence: str = ""
    """The word problem; empty if the expression itself is asked."""
    template: str = ""
    """Name of the word problem's wording."""

    @property
    def prompt(self) -> str:
        """The text a solver sees."""
        return self.sentence or render(self.expression)

    @cached_property
    def form(self) -> str:
        """The canonical form of the expression: the partition hangs on it, in words or not."""
        return canonical(self.expression)

    @cached_property
    def stream(self) -> Stream | None:
        """The stream this is reserved for, or None."""
        return reserved_stream(WORLD, self.form)

    @cached_property
    def id(self) -> str:
        """The task id: of the canonical form, and for words of the wording too."""
        parts = (WORLD, "words", self.template, self.form) if self.template else (WORLD, self.form)
        return hash_text("\x1f".join(parts))

    @property
    def family(self) -> str:
        """One of ``FAMILIES``."""
        return "words" if self.template else family_of(self.expression)

    @cached_property
    def level(self) -> int:
        """The level of the expression; words add one, for the reading."""
        level = level_of(self.expression)
        return min(level + 1, LEVELS[-1]) if self.template else level


LISTED = ("one_digit", "two_digit", "carry", "product")
"""Families small enough to list."""

LEVELS_OF = {
    "one_digit": (1,),
    "two_digit": (1,),
    "carry": (2, 3),
    "product": (2,),
    "precedence": (2, 3, 4, 5),
    "parentheses": (2, 3, 4, 5),
    "multi_step": (3, 4, 5),
    "words": (2, 3, 4, 5),
}
"""Levels that each family offers; a model may write others."""


@cache
def list_problems(family: str) -> tuple[Problem, ...]:
    """Return every problem of a listed family once, the smaller operand of + and * first."""
    return tuple(Problem(expression) for expression in _list_expressions(family))


def draw_problem(family: str, random: Random) -> Problem:
    """Draw a problem of one of the other families."""
    if family == "words":
        template = random.choice(TEMPLATES)
        sentence, expression = template.write(random)
        return Problem(expression, sentence, template.name)
    return Problem(_fill(random.choice(_SHAPES[family]), random.choice(_SIZES), random))


def turn(problem: Problem, random: Random) -> Problem:
    """Swap the operands of a listed sum or product, half of the time."""
    match problem.expression:
        case Operation("+" | "*" as operator, left, right) if random.random() < 0.5:
            return Problem(Operation(operator, right, left))
    return problem


def _list_expressions(family: str) -> Iterator[Expression]:
    if family == "one_digit":
        for a in range(10):
            for b in range(a + 1):
                yield from (_pair(b, "+", a), _pair(a, "-", b), _pair(b, "*", a))
    elif family == "product":
        yield from (_pair(a, "*", b) for a in range(2, 10) for b in range(10, 100))
    else:
        for a in range(10, 100):
            for b in range(a + 1):
                if (carries(a, b) > 0) == (family == "carry"):
                    yield _pair(b, "+", a)
                if (carries(a, -b) > 0) == (family == "carry"):
                    yield _pair(a, "-", b)


def _pair(left: int, operator: Operator, right: int) -> Expression:
    return Operation(operator, Number(left), Number(right))


def _shapes(*texts: str) -> tuple[Expression, ...]:
    """Read shapes; the ones in them stand for any number."""
    shapes = tuple(map(parse_expression, texts))
    return tuple(shape for shape in shapes if not isinstance(shape, Reason))


_SHAPES = {
    "precedence": _shapes("1 + 1 * 1", "1 - 1 * 1", "1 * 1 + 1", "1 * 1 - 1"),
    "parentheses": _shapes(
        "(1 + 1) * 1", "(1 - 1) * 1", "1 * (1 + 1)", "1 * (1 - 1)", "1 - (1 + 1)", "1 - (1 - 1)"
    ),
    "multi_step": _shapes(
        "1 + 1 - 1 + 1",
        "1 - 1 + 1 - 1",
        "1 + 1 * 1 - 1",
        "1 * 1 + 1 - 1",
        "1 - 1 * 1 + 1",
        "1 * 1 - 1 * 1",
        "1 * 1 + 1 * 1",
        "(1 + 1) * 1 - 1",
        "1 + (1 - 1) * 1",
        "1 - (1 + 1) * 1",
        "1 - (1 - 1 * 1)",
        "(1 + 1) * (1 - 1)",
    ),
}


_ONE, _TWO, _FACTORS = (
    tuple(map(Number, span)) for span in (range(1, 10), range(10, 100), range(2, 10))
)
_TEENS = tuple(map(Number, range(10, 30)))
_SIZES = (
    (_ONE, _FACTORS),
    (_ONE * 10 + _TWO, _FACTORS),
    (_TWO, _FACTORS * 3 + _TEENS),
)
"""Terms and factors of small, mixed and big problems; a repeated number is drawn more often."""


def _fill(
    shape: Expression,
    sizes: tuple[tuple[Number, ...], tuple[Number, ...]],
    random: Random,
    factor: bool = False,
) -> Expression:
    """Put numbers into a shape."""
    if not isinstance(shape, Operation):
        return random.choice(sizes[factor])
    times = shape.operator == "*"
    left = _fill(shape.left, sizes, random, times)
    return Operation(shape.operator, left, _fill(shape.right, sizes, random, times))
