"""Expression trees in x: total evaluation with numpy, random mutation, text form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratchet.core.seeds import Seed

Value = float | npt.NDArray[np.float64]
_BINARY = ("+", "-", "*")
_LARGEST = 31
"""Most nodes of a tree."""


@dataclass(frozen=True)
class Tree:
    """``x``, a number, or an operator with two operands. ``str`` gives ``(+ x 2.0)``."""

    head: str
    """``x``, a number as text, or one of + - *."""
    left: Tree | None = None
    right: Tree | None = None

    def __str__(self) -> str:
        return self.head if self.left is None else f"({self.head} {self.left} {self.right})"

    @property
    def size(self) -> int:
        """Number of nodes."""
        return 1 + (self.left.size if self.left else 0) + (self.right.size if self.right else 0)


@dataclass(frozen=True)
class Program:
    """Answers a prompt ``x = 1.25`` by running its tree."""

    tree: Tree

    def answer(self, prompts: Sequence[str], seed: Seed) -> Sequence[str]:
        """Return the tree's value at each x as text; nothing for a prompt that gives no x."""
        return [self._answer(prompt.partition("=")[2]) for prompt in prompts]

    def _answer(self, text: str) -> str:
        try:
            return str(float(value_at(self.tree, float(text))))
        except ValueError:
            return ""


def parse_tree(text: str) -> Tree:
    """Read the text form; raises ValueError on any other text."""
    tokens = text.replace("(", " ( ").replace(")", " ) ").split()
    tree, rest = _parse(tokens)
    if rest:
        raise ValueError(f"text after the program: {' '.join(rest)}")
    return tree


def value_at(tree: Tree, x: Value) -> Value:
    """Return the tree's value; large results become infinite, nothing raises."""
    if tree.left is None or tree.right is None:
        return x if tree.head == "x" else float(tree.head) + 0 * np.asarray(x)
    with np.errstate(all="ignore"):
        apply = {"+": np.add, "-": np.subtract, "*": np.multiply}[tree.head]
        result: Value = apply(value_at(tree.left, x), value_at(tree.right, x))
    return result


def score_tree(tree: Tree, rows: Sequence[tuple[float, float]]) -> float:
    """Return the mean of 1 / (1 + |error|) over rows, in [0, 1]."""
    x, y = np.array(rows, dtype=np.float64).T
    with np.errstate(all="ignore"):
        score = 1 / (1 + np.abs(value_at(tree, x) - y))
    return float(np.mean(np.nan_to_num(score)))


def mutate(tree: Tree, rng: np.random.Generator) -> Tree:
    """Replace, nudge or wrap one node, or return a fresh tree if the result grew too large."""
    at = int(rng.integers(tree.size))
    changed = _mutate_at(tree, at, rng)
    return changed if changed.size <= _LARGEST else _random(rng, 2)


def _mutate_at(tree: Tree, at: int, rng: np.random.Generator) -> Tree:
    if at == 0:
        return _change(tree, rng)
    if tree.left is None or tree.right is None:
        return tree
    if at <= tree.left.size:
        return Tree(tree.head, _mutate_at(tree.left, at - 1, rng), tree.right)
    return Tree(tree.head, tree.left, _mutate_at(tree.right, at - 1 - tree.left.size, rng))


def _change(tree: Tree, rng: np.random.Generator) -> Tree:
    kind = rng.integers(4)
    if kind == 0:
        return _random(rng, 2)
    if kind == 1:
        return Tree(str(rng.choice(_BINARY)), tree, _random(rng, 1))
    if tree.left is not None and tree.right is not None:
        if kind == 2:
            return Tree(str(rng.choice(_BINARY)), tree.left, tree.right)
        return tree.left if rng.random() < 0.5 else tree.right
    if tree.head == "x":
        return _random(rng, 1)
    step = 1.0 if kind == 2 else 0.1
    return Tree(repr(round(float(tree.head) + step * float(rng.normal()), 3)))


def _random(rng: np.random.Generator, depth: int) -> Tree:
    if depth == 0 or rng.random() < 0.4:
        return Tree("x") if rng.random() < 0.5 else Tree(repr(round(float(rng.normal()) * 2, 2)))
    return Tree(str(rng.choice(_BINARY)), _random(rng, depth - 1), _random(rng, depth - 1))


def _parse(tokens: Sequence[str]) -> tuple[Tree, Sequence[str]]:
    if not tokens:
        raise ValueError("the program ends too early")
    if tokens[0] != "(":
        if tokens[0] != "x":
            float(tokens[0])
        return Tree(tokens[0]), tokens[1:]
    if len(tokens) < 2 or tokens[1] not in _BINARY:
        raise ValueError(f"not an operator: {tokens[1:2]}")
    left, rest = _parse(tokens[2:])
    right, rest = _parse(rest)
    if not rest or rest[0] != ")":
        raise ValueError("a bracket is missing")
    return Tree(tokens[1], left, right), rest[1:]
