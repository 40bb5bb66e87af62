"""Expression trees: text form, and evaluation with exact derivatives by our own interpreter.

A tree is data. It is parsed, checked and interpreted with numpy; no text is ever executed.

Leaves are names of variables, numbers, and constants to be fitted, of three kinds: ``?e`` an
exponent or rate (positive), ``?s`` a scale (positive, any magnitude), ``?r`` a real number.
Operators are protected: they are total, so that any tree has a value at any input.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

KINDS = ("?e", "?s", "?r")
"""The kinds of constants."""
ARITY = {
    **dict.fromkeys(("+", "-", "*", "/", "pow"), 2),
    **dict.fromkeys(("neg", "exp", "log", "log1p", "sqrt", "sq", "sig"), 1),
    "eff": 3,
}
"""Operators and how many operands each takes. ``eff`` is ``u (1 + s (1 - exp(-(x/u - 1)/s)))``,
the worth of x tokens of which u are distinct, and x where none is repeated (Muennighoff et al.
2023); ``sig`` the logistic."""
_TINY, _LARGEST = 1e-12, 60.0


@dataclass(frozen=True)
class Tree:
    """A node. ``str`` gives the text form, ``(pow n (neg ?e))``."""

    op: str
    """An operator, or what a leaf is."""
    args: tuple[Tree, ...] = ()
    """Operands."""

    @cached_property
    def text(self) -> str:
        """The text form."""
        return f"({self.op} {' '.join(a.text for a in self.args)})" if self.args else self.op

    def __str__(self) -> str:
        return self.text

    @cached_property
    def size(self) -> int:
        """Number of nodes."""
        return 1 + sum(a.size for a in self.args)

    @cached_property
    def constants(self) -> tuple[str, ...]:
        """Kinds of the constants, in order of appearance."""
        own = (self.op,) if self.op in KINDS else ()
        return own + tuple(kind for a in self.args for kind in a.constants)

    @cached_property
    def variables(self) -> frozenset[str]:
        """Names of the variables."""
        own = {self.op} if not self.args and _is_name(self.op) else set()
        return frozenset(own.union(*(a.variables for a in self.args)))

    def walk(self) -> Iterator[Tree]:
        """Yield every node, this one first."""
        yield self
        for a in self.args:
            yield from a.walk()


def parse_tree(text: str) -> Tree:
    """Read the text form. Raises ValueError on anything else."""
    tokens = text.replace("(", " ( ").replace(")", " ) ").split()
    tree, rest = _parse(tokens, 0)
    if rest != len(tokens):
        raise ValueError(f"text after the expression: {' '.join(tokens[rest:])[:80]}")
    return tree


def _parse(tokens: Sequence[str], at: int, depth: int = 0) -> tuple[Tree, int]:
    if at >= len(tokens) or depth > 40:
        raise ValueError("the expression ends too early, or is nested deeper than 40")
    word = tokens[at]
    if word != "(":
        if word in KINDS or _is_name(word) or _is_number(word):
            return Tree(word), at + 1
        raise ValueError(f"neither a variable, a number nor one of {' '.join(KINDS)}: {word!r}")
    op = tokens[at + 1] if at + 1 < len(tokens) else ""
    if op not in ARITY:
        raise ValueError(f"not an operator: {op!r}; use one of {' '.join(ARITY)}")
    args, at = [], at + 2
    for _ in range(ARITY[op]):
        arg, at = _parse(tokens, at, depth + 1)
        args.append(arg)
    if at >= len(tokens) or tokens[at] != ")":
        raise ValueError(f"{op} takes {ARITY[op]} operands, and then a closing bracket")
    return Tree(op, tuple(args)), at + 1


def _is_name(word: str) -> bool:
    return word.isidentifier() and word not in ARITY


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word)) and word[0] not in "_iIn"
    except ValueError:
        return False


@dataclass(frozen=True)
class Dual:
    """A value, and its derivative by each constant that it depends on."""

    value: Array
    """The value."""
    slopes: Mapping[int, Array]
    """Derivatives by the constant's number; one that is absent is 0."""

    def scaled(self, value: Array, slope: Array | float) -> Dual:
        """Return f(self), with ``slope`` = f' at self."""
        return Dual(value, {k: slope * d for k, d in self.slopes.items()})

    def __add__(self, other: Dual) -> Dual:
        return Dual(self.value + other.value, _merge(self.slopes, other.slopes))

    def __sub__(self, other: Dual) -> Dual:
        return self + other.scaled(-other.value, -1.0)

    def __mul__(self, other: Dual) -> Dual:
        left = {k: d * other.value for k, d in self.slopes.items()}
        right = {k: d * self.value for k, d in other.slopes.items()}
        return Dual(self.value * other.value, _merge(left, right))

    def inverse(self) -> Dual:
        """Return 1 / self, away from 0."""
        value = 1.0 / np.where(np.abs(self.value) < _TINY, _TINY, self.value)
        return self.scaled(value, -(value**2))

    def exp(self) -> Dual:
        """Return e to the power of self, the power clipped to [-60, 60]."""
        # np.clip takes several times as long on small arrays.
        value = np.exp(np.minimum(np.maximum(self.value, -_LARGEST), _LARGEST))
        return self.scaled(value, value)

    def log(self) -> Dual:
        """Return the logarithm of self, or of 1e-12 if self is smaller."""
        safe = np.maximum(self.value, _TINY)
        return self.scaled(np.log(safe), 1.0 / safe)

    def sigmoid(self) -> Dual:
        """Return 1 / (1 + exp(-self))."""
        value = 1.0 / (1.0 + np.exp(-np.clip(self.value, -_LARGEST, _LARGEST)))
        return self.scaled(value, value * (1.0 - value))


def _merge(a: Mapping[int, Array], b: Mapping[int, Array]) -> Mapping[int, Array]:
    if not a or not b:
        return a or b
    merged = dict(a)
    for k, d in b.items():
        merged[k] = merged[k] + d if k in merged else d
    return merged


def _number(value: float) -> Dual:
    return Dual(np.asarray(value), {})


def _effective(u: Dual, x: Dual, s: Dual) -> Dual:
    more = x * u.inverse() - _number(1.0)
    repeated = more.scaled(np.maximum(more.value, 0.0), (more.value > 0).astype(np.float64))
    spent = repeated * s.inverse()
    worth = s * (_number(1.0) - spent.scaled(-spent.value, -1.0).exp())
    return x + u * (worth - repeated)


_APPLY: dict[str, Callable[..., Dual]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a * b.inverse(),
    "pow": lambda a, b: (a.log() * b).exp(),
    "neg": lambda a: a.scaled(-a.value, -1.0),
    "exp": lambda a: a.exp(),
    "log": lambda a: a.log(),
    "log1p": lambda a: (a + _number(1.0)).log(),
    "sqrt": lambda a: (a.log() * _number(0.5)).exp(),
    "sq": lambda a: a * a,
    "sig": lambda a: a.sigmoid(),
    "eff": _effective,
}


def evaluate(
    tree: Tree, inputs: Mapping[str, Array], constants: Sequence[Array], slopes: bool = True
) -> Dual:
    """Return the value of a tree, and its derivatives by its constants.

    Inputs and constants broadcast against each other. Raises KeyError on an unknown variable.
    Overflow gives infinity and numpy's warning, which callers silence around many trees at once.
    """
    return _evaluate(tree, inputs, constants, slopes, 0)


def _evaluate(
    tree: Tree, inputs: Mapping[str, Array], constants: Sequence[Array], slopes: bool, first: int
) -> Dual:
    if tree.op in KINDS:
        value = constants[first]
        return Dual(value, {first: np.ones_like(value)} if slopes else {})
    if not tree.args:
        return Dual(inputs[tree.op], {}) if _is_name(tree.op) else _number(float(tree.op))
    operands = []
    for a in tree.args:
        operands.append(_evaluate(a, inputs, constants, slopes, first))
        first += len(a.constants)
    return _APPLY[tree.op](*operands)
