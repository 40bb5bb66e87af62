"""The one form that all variants of a problem share; ids and the partition hang on it.

Sums and products are flattened and their operands sorted, ``a - b`` counts as ``a + (-b)``, signs
are pulled out of products and double signs vanish. Nothing is distributed: ``9 - (2 + 3)`` and
``9 - 2 - 3`` are two problems.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

from ratchet.worlds.arithmetic.expression import (
    Expression,
    Negation,
    Number,
    Operation,
    is_sum,
    render,
)


class _Body(NamedTuple):
    """A normalised number, product or sum without a sign; bodies sort by length, then text."""

    length: int
    text: str
    tree: Expression


_Term = tuple[bool, _Body]
"""Whether it is negative, and its body: a sum only if it is negative."""


def canonical(expression: Expression) -> str:
    """Return the canonical form as text; it reads back as an expression of the same form."""
    return render(normalise(expression))


def normalise(expression: Expression) -> Expression:
    """Return the canonical form as an expression of the same value."""
    return _sum(_terms(expression))


def _terms(expression: Expression) -> list[_Term]:
    if isinstance(expression, Number):
        return [(False, _body(expression))]
    if isinstance(expression, Negation):
        return _negated(_terms(expression.operand))
    if expression.operator == "*":
        negative, left = _factors(expression.left)
        turned, right = _factors(expression.right)
        return [(negative != turned, _body(_product(left + right)))]
    right_terms = _terms(expression.right)
    if expression.operator == "-":
        right_terms = _negated(right_terms)
    return _terms(expression.left) + right_terms


def _negated(terms: list[_Term]) -> list[_Term]:
    if len(terms) > 1:
        return [(True, _body(_sum(terms)))]
    negative, body = terms[0]
    return _terms(body.tree) if negative and is_sum(body.tree) else [(not negative, body)]


def _factors(expression: Expression) -> tuple[bool, list[_Body]]:
    """Return whether the product is negative, and its flattened factors, none with a sign."""
    terms = _terms(expression)
    if len(terms) > 1:
        return False, [_body(_sum(terms))]
    negative, body = terms[0]
    factors = [body]
    while isinstance(first := factors[0].tree, Operation) and first.operator == "*":
        factors[:1] = [_body(first.left), _body(first.right)]
    return negative, factors


def _sum(terms: list[_Term]) -> Expression:
    terms.sort(key=_order)
    negative, body = terms[0]
    total = _negate(body.tree) if negative else body.tree
    for negative, body in terms[1:]:
        total = Operation("-" if negative else "+", total, body.tree)
    return total


def _product(factors: list[_Body]) -> Expression:
    factors.sort(key=_length_and_text)
    trees = (factor.tree for factor in factors)
    return reduce(lambda left, right: Operation("*", left, right), trees)


def _negate(tree: Expression) -> Expression:
    """Put the sign before the first factor, where it needs no parentheses."""
    if isinstance(tree, Operation) and tree.operator == "*":
        return Operation("*", _negate(tree.left), tree.right)
    return Negation(tree)


def _body(tree: Expression) -> _Body:
    text = render(tree)
    return _Body(len(text), text, tree)


def _length_and_text(body: _Body) -> tuple[int, str]:
    return body[:2]


def _order(term: _Term) -> tuple[bool, int, str]:
    return (term[0], *term[1][:2])
