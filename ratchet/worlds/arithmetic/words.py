"""Short word problems that can be written from numbers and read back into their expression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random

from ratchet.worlds.arithmetic.expression import MAX_DIGITS, MAX_TEXT, Expression, parse_expression
from ratchet.worlds.arithmetic.reasons import Reason

_FILLERS = {
    "name": ("Ann", "Ben", "Cleo", "Dev", "Ella", "Finn"),
    "things": ("apples", "books", "coins", "pens", "shells", "stamps"),
}
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Template:
    """A wording and the expression behind it."""

    name: str
    """One word; part of a task's id."""
    wording: str
    """The sentences, with slots for numbers and for fillers."""
    expression: str
    """What they ask for, with the slots of the numbers."""
    ranges: Mapping[str, tuple[int, int]]
    """Smallest and greatest number of each slot when drawn; such problems have answers above 0."""

    def write(self, random: Random) -> tuple[str, Expression]:
        """Draw numbers and fillers; return the sentences and their expression."""
        numbers = {slot: random.randint(*span) for slot, span in self.ranges.items()}
        fillers = {slot: random.choice(words) for slot, words in _FILLERS.items()}
        return self.wording.format(**numbers, **fillers), self._express(numbers)

    def read(self, text: str) -> Expression | None:
        """Return the expression behind these sentences, or None if they have another wording."""
        match = self._pattern.fullmatch(text)
        if match is None:
            return None
        return self._express({slot: int(match[slot]) for slot in self.ranges})

    def _express(self, numbers: Mapping[str, int]) -> Expression:
        expression = parse_expression(self.expression.format(**numbers))
        if isinstance(expression, Reason):
            raise ValueError(f"template {self.name!r} gave no expression: {expression.value}")
        return expression

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        pattern, at, seen = "", 0, set[str]()
        for slot in _SLOT.finditer(self.wording):
            name = slot[1]
            pattern += re.escape(self.wording[at : slot.start()])
            if name in seen:
                pattern += f"(?P={name})"
            elif name in _FILLERS:
                pattern += f"(?P<{name}>{'|'.join(_FILLERS[name])})"
            else:
                pattern += f"(?P<{name}>[0-9]{{1,{MAX_DIGITS}}})"
            seen.add(name)
            at = slot.end()
        return re.compile(pattern + re.escape(self.wording[at:]), re.IGNORECASE)


def read_words(text: str) -> tuple[Template, Expression] | None:
    """Return template and expression of a word problem, or None. Total."""
    if len(text) > MAX_TEXT:
        return None
    for template in TEMPLATES:
        expression = template.read(text)
        if expression is not None:
            return template, expression
    return None


TEMPLATES = (
    Template(
        "gain",
        "{name} has {a} {things} and gets {b} more. How many {things} does {name} have now?",
        "{a} + {b}",
        {"a": (2, 99), "b": (2, 99)},
    ),
    Template(
        "loss",
        "{name} had {a} {things} and gave away {b}. How many {things} are left?",
        "{a} - {b}",
        {"a": (40, 99), "b": (2, 39)},
    ),
    Template(
        "box",
        "There are {a} red and {b} blue {things} in a box. How many {things} are in the box?",
        "{a} + {b}",
        {"a": (2, 99), "b": (2, 99)},
    ),
    Template(
        "fewer",
        "{name} has {a} {things}. Sam has {b} fewer. How many {things} does Sam have?",
        "{a} - {b}",
        {"a": (10, 50), "b": (2, 9)},
    ),
    Template(
        "packs",
        "Each pack holds {a} {things}. How many {things} are in {b} packs?",
        "{a} * {b}",
        {"a": (2, 40), "b": (2, 9)},
    ),
    Template(
        "price",
        "A ticket costs {a} dollars. How many dollars do {b} tickets cost?",
        "{a} * {b}",
        {"a": (2, 40), "b": (2, 9)},
    ),
    Template(
        "loose",
        "{name} has {a} packs of {b} {things} and {c} loose ones. How many {things} is that?",
        "{a} * {b} + {c}",
        {"a": (2, 9), "b": (2, 20), "c": (2, 40)},
    ),
    Template(
        "sold",
        "A shop had {a} packs of {b} {things} and sold {c} {things}. How many {things} are left?",
        "{a} * {b} - {c}",
        {"a": (4, 9), "b": (5, 20), "c": (2, 19)},
    ),
    Template(
        "change",
        "{name} has {a} dollars and buys {b} tickets at {c} dollars each. "
        "How many dollars are left?",
        "{a} - {b} * {c}",
        {"a": (82, 150), "b": (2, 9), "c": (2, 9)},
    ),
    Template(
        "bus",
        "A bus carried {a} people. Then {b} got off and {c} got on. How many are on it now?",
        "{a} - {b} + {c}",
        {"a": (20, 60), "b": (2, 19), "c": (2, 19)},
    ),
    Template(
        "twice",
        "{name} had {a} {things}, lost {b} and sold {c}. How many {things} are left?",
        "{a} - {b} - {c}",
        {"a": (40, 99), "b": (2, 19), "c": (2, 19)},
    ),
    Template(
        "children",
        "In a class {a} girls and {b} boys get {c} {things} each. How many {things} is that?",
        "({a} + {b}) * {c}",
        {"a": (2, 15), "b": (2, 15), "c": (2, 9)},
    ),
    Template(
        "bags",
        "Each of {a} bags held {b} {things}; {c} were taken from each. "
        "How many {things} are left in all?",
        "{a} * ({b} - {c})",
        {"a": (2, 9), "b": (10, 30), "c": (2, 9)},
    ),
    Template(
        "pages",
        "{name} read {a} pages on Monday and {b} pages on each of {c} more days. "
        "How many pages is that?",
        "{a} + {b} * {c}",
        {"a": (2, 60), "b": (2, 20), "c": (2, 6)},
    ),
)
"""All wordings, at most 25 words each."""
