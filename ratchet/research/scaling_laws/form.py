"""Forms: what is searched over. A form is a sum of terms with linear coefficients, under a link;
a program is a form together with the settings of the routine that fits it.

    (law id mse 0 own (+ 1) (+ (pow n (neg ?e))))

reads: y = b0 + b1 n^-e with b0, b1 >= 0. Coefficients are not written: each term has one. The sign
before a term bounds it, ``~`` leaves it free.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ratchet.research.scaling_laws.expression import Tree, parse_tree

LINKS = ("id", "log")
"""What the sum is of: the target, or its logarithm."""
LOSSES = ("mse", "huber")
POOLS = ("own", "shrunk", "shared")
"""Nonlinear constants: each group its own, drawn to the common ones, or common to all groups."""
FOCUSES = (0, 1, 2, 4)
"""How much the largest scale counts more than the smallest: e to this power."""
SIGNS = ("+", "-", "~")
_LONGEST = 4000


@dataclass(frozen=True)
class Term:
    """One summand."""

    sign: str
    """Which sign its coefficient may have: ``+``, ``-``, or ``~`` for either."""
    tree: Tree
    """What the coefficient multiplies."""

    def __str__(self) -> str:
        return f"({self.sign} {self.tree})"


@dataclass(frozen=True)
class Fitter:
    """Settings of the fitting routine: they evolve together with the form."""

    loss: str = "mse"
    """Squared error, or Huber's with its width from the residuals."""
    focus: int = 0
    """One of `FOCUSES`."""
    pool: str = "own"
    """One of `POOLS`."""


@dataclass(frozen=True)
class Form:
    """A law without its constants, and how these are found."""

    terms: tuple[Term, ...]
    """Summands."""
    link: str = "id"
    """One of `LINKS`."""
    fitter: Fitter = Fitter()
    """How it is fitted."""

    @cached_property
    def text(self) -> str:
        """The canonical text: equal programs have equal texts."""
        f = self.fitter
        terms = " ".join(map(str, self.terms))
        return f"(law {self.link} {f.loss} {f.focus} {f.pool} {terms})"

    def __str__(self) -> str:
        return self.text

    @property
    def constants(self) -> tuple[str, ...]:
        """Kinds of the nonlinear constants, in order."""
        return tuple(kind for term in self.terms for kind in term.tree.constants)

    @property
    def count(self) -> int:
        """Constants of one group, linear and nonlinear."""
        return len(self.terms) + len(self.constants)

    @property
    def size(self) -> int:
        """Complexity: nodes of all terms, and one for each coefficient."""
        return sum(term.tree.size + 1 for term in self.terms)

    @property
    def variables(self) -> frozenset[str]:
        """Names of the variables."""
        return frozenset().union(*(term.tree.variables for term in self.terms))


def parse_form(text: str) -> Form:
    """Read the canonical text. Raises ValueError on anything else."""
    if len(text) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST} characters")
    head = text.strip().split(None, 5)
    if len(head) < 6 or head[0] != "(law" or not head[5].endswith(")"):
        raise ValueError("a program is (law LINK LOSS FOCUS POOL (SIGN TERM) ...)")
    _, link, loss, focus, pool, rest = head
    for word, known in ((link, LINKS), (loss, LOSSES), (pool, POOLS)):
        if word not in known:
            raise ValueError(f"{word!r} is not one of {' '.join(known)}")
    if focus not in map(str, FOCUSES):
        raise ValueError(f"focus {focus!r} is not one of {FOCUSES}")
    terms = tuple(map(_parse_term, _split(rest[:-1])))
    if not terms:
        raise ValueError("a law has at least one term")
    return Form(terms, link, Fitter(loss, int(focus), pool))


def _parse_term(text: str) -> Term:
    sign, _, tree = text[1:-1].strip().partition(" ")
    if sign not in SIGNS:
        raise ValueError(f"a term begins with one of {' '.join(SIGNS)}: {text[:60]!r}")
    return Term(sign, parse_tree(tree))


def _split(text: str) -> list[str]:
    """Split a row of bracketed expressions."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth < 0 or (depth == 0 and letter not in ") \n"):
            raise ValueError("brackets do not match")
        if letter == "(" and depth == 1:
            start = at
        if letter == ")" and depth == 0:
            parts.append(text[start : at + 1])
    if depth:
        raise ValueError("a bracket is missing")
    return parts
