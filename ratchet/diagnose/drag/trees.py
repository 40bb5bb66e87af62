"""How far apart two expressions are as trees, and whether they have the same value.

Not here: reading expressions out of answers (``ratchet.worlds.countdown.expression``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ratchet.worlds.countdown.expression import (
    Expression,
    Negation,
    Number,
    Operation,
    evaluate,
    read_answer,
    render,
)


class _Ordered(NamedTuple):
    """A tree in post-order."""

    labels: tuple[str, ...]
    leftmost: tuple[int, ...]
    """For each node the number of the leftmost leaf below it."""
    keyroots: tuple[int, ...]
    """The nodes that have a left sibling, and the root; in order."""


def tree_distance(first: Expression, second: Expression) -> int:
    """Return the fewest insertions, deletions and renamings of nodes from one tree to the other.

    Zhang and Shasha, SIAM Journal on Computing 18, 1989, with unit costs. Inner nodes are operators
    and signs, leaves are numbers. The order of operands counts: see ``sort_operands``.
    """
    a, b = _ordered(first), _ordered(second)
    if a.labels == b.labels and a.leftmost == b.leftmost:
        return 0
    distance = [[0] * len(b.labels) for _ in a.labels]
    for i in a.keyroots:
        if a.leftmost[i] == i:
            distance[i] = _from_leaf(a.labels[i], b)
    for j in b.keyroots:
        if b.leftmost[j] == j:
            for i, apart in enumerate(_from_leaf(b.labels[j], a)):
                distance[i][j] = apart
    inner = [j for j in b.keyroots if b.leftmost[j] < j]
    for i in a.keyroots:
        if a.leftmost[i] < i:
            for j in inner:
                _fill(a, b, i, j, distance)
    return distance[-1][-1]


def _from_leaf(label: str, tree: _Ordered) -> list[int]:
    """Return the distances from a leaf to every subtree.

    The leaf becomes one of its nodes, free of cost where a label is equal; the others are inserted.
    """
    return [
        y - first + (label not in tree.labels[first : y + 1])
        for y, first in enumerate(tree.leftmost)
    ]


def _fill(a: _Ordered, b: _Ordered, i: int, j: int, distance: list[list[int]]) -> None:
    """Compute the distances of all pairs of subtrees on the two left paths down from i and j."""
    left_a, left_b = a.leftmost[i], b.leftmost[j]
    columns = [(y, b.leftmost[y] - left_b, b.labels[y]) for y in range(left_b, j + 1)]
    forest = [list(range(len(columns) + 1))]
    for x in range(left_a, i + 1):
        above, label, trees = forest[-1], a.labels[x], distance[x]
        before = forest[a.leftmost[x] - left_a]
        whole_a = before is forest[0]
        diagonal = above[0]
        least = diagonal + 1
        row = [least]
        for (y, start, other), up in zip(columns, above[1:], strict=True):
            least = (up if up < least else least) + 1
            if whole_a and not start:
                matched = diagonal + (label != other)
                trees[y] = least = matched if matched < least else least
            else:
                matched = before[start] + trees[y]
                if matched < least:
                    least = matched
            diagonal = up
            row.append(least)
        forest.append(row)


@lru_cache(maxsize=65_536)
def _ordered(expression: Expression) -> _Ordered:
    labels: list[str] = []
    leftmost: list[int] = []

    def walk(node: Expression) -> int:
        if isinstance(node, Number):
            label, first = str(node.value), len(labels)
        elif isinstance(node, Negation):
            label, first = "negative", walk(node.operand)
        else:
            label, first = node.operator, walk(node.left)
            walk(node.right)
        labels.append(label)
        leftmost.append(first)
        return first

    walk(expression)
    last = {first: node for node, first in enumerate(leftmost)}
    return _Ordered(tuple(labels), tuple(leftmost), tuple(sorted(last.values())))


def size_of(expression: Expression) -> int:
    """Return the number of nodes."""
    return len(_ordered(expression).labels)


def sort_operands(expression: Expression) -> Expression:
    """Return the expression with the operands of every + and * in the order of their text."""
    if isinstance(expression, Number):
        return expression
    if isinstance(expression, Negation):
        return Negation(sort_operands(expression.operand))
    left, right = sort_operands(expression.left), sort_operands(expression.right)
    if expression.operator in "+*" and render(right) < render(left):
        left, right = right, left
    return Operation(expression.operator, left, right)


@lru_cache(maxsize=65_536)
def read_tree(text: str) -> Expression | None:
    """Return the last expression with an operator in a text, or None."""
    return read_answer(text)


@lru_cache(maxsize=65_536)
def answer_distance(first: str, second: str, sort: bool = False) -> float | None:
    """Return the tree edit distance of the expressions in two texts; None if one has none."""
    a, b = read_tree(first), read_tree(second)
    if a is None or b is None:
        return None
    return float(tree_distance(sort_operands(a), sort_operands(b)) if sort else tree_distance(a, b))


@lru_cache(maxsize=65_536)
def relative_distance(first: str, second: str) -> float | None:
    """Return the tree edit distance over the nodes of both trees, in [0, 1]; None if one has none.

    Deleting one tree and inserting the other costs all their nodes, so no distance is larger.
    """
    a, b = read_tree(first), read_tree(second)
    if a is None or b is None:
        return None
    return tree_distance(a, b) / (size_of(a) + size_of(b))


@lru_cache(maxsize=65_536)
def equivalent(first: str, second: str) -> bool | None:
    """Say whether the expressions in two texts have the same value; None if one has none."""
    a, b = read_tree(first), read_tree(second)
    if a is None or b is None:
        return None
    value = evaluate(a)
    return value is not None and value == evaluate(b)
