from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.research.scaling_laws.expression import ARITY, KINDS, Tree, evaluate, parse_tree
from ratchet.research.scaling_laws.form import parse_form

LEAVES = st.sampled_from(["n", "d", "1", "0.5", *KINDS]).map(Tree)


def grow(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.sampled_from(sorted(ARITY)).flatmap(
        lambda op: st.tuples(*[inner] * ARITY[op]).map(lambda args: Tree(op, args))
    )


TREES = st.recursive(LEAVES, grow, max_leaves=8)
INPUTS = {"n": np.array([[0.1, 1.0, 50.0]]), "d": np.array([[2.0, 0.0, -3.0]])}


@given(TREES)
def test_text_and_tree_are_one(tree: Tree) -> None:
    assert parse_tree(tree.text) == tree


@given(TREES, st.lists(st.floats(-5, 5), min_size=24, max_size=24))
def test_every_tree_has_a_value_and_warns_of_nothing(tree: Tree, drawn: list[float]) -> None:
    constants = [np.array([[c]]) for c in drawn[: len(tree.constants)]]
    if len(tree.constants) <= len(drawn):
        value = evaluate(tree, INPUTS, constants).value
        assert np.broadcast_to(value, (1, 3)).shape == (1, 3)


@pytest.mark.parametrize(
    "text",
    [
        "(pow n (neg ?e))",
        "(/ 1 (+ ?s (pow n ?e)))",
        "(eff d (* n 3) ?s)",
        "(exp (neg (sq (* ?s (- n ?r)))))",
        "(sig (- (log1p (* ?s n)) (sqrt ?e)))",
        "(log (+ n ?s))",
    ],
)
def test_derivatives_are_those_of_finite_differences(text: str) -> None:
    tree, step = parse_tree(text), 1e-6
    inputs = {"n": np.array([[0.5, 1.5, 4.0]]), "d": np.array([[1.0, 2.0, 0.7]])}
    constants = [np.array([[0.7 + 0.3 * i]]) for i in range(len(tree.constants))]
    found = evaluate(tree, inputs, constants)
    for place in range(len(constants)):
        moved = [c + step * (i == place) for i, c in enumerate(constants)]
        again = evaluate(tree, inputs, moved).value
        assert np.allclose((again - found.value) / step, found.slopes[place], rtol=1e-4, atol=1e-6)


def test_effective_data_has_its_limits() -> None:
    """Seen once at most, d tokens are worth d; seen for ever, u (1 + s)."""
    tree = parse_tree("(eff u d ?s)")
    inputs = {"u": np.full((1, 3), 4.0), "d": np.array([[0.5, 4.0, 1e9]])}
    assert np.allclose(evaluate(tree, inputs, [np.array([[3.0]])]).value, [[0.5, 4.0, 16.0]])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        "(pow n)",
        "(pow n 1 2)",
        "(system n)",
        "n m",
        "?x",
        "(+ n 1",
        "1e999",
        "__import__(1)",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_tree(text)


def test_a_form_reads_back_and_counts_its_constants() -> None:
    text = "(law id huber 2 shrunk (+ 1) (- (pow n (neg ?e))) (~ (log (+ d ?s))))"
    form = parse_form(text)
    assert form.text == text
    assert form.count == 5 and form.constants == ("?e", "?s")
    assert form.variables == {"n", "d"}


@pytest.mark.parametrize(
    "text",
    [
        "(law id mse 0 own)",
        "(law cubic mse 0 own (+ 1))",
        "(law id mse 3 own (+ 1))",
        "(law id mse 0 own (* 1))",
        "(law id mse 0 own (+ 1)) (+ 2)",
        "import os",
        "(law id mse 0 own " + "(+ n) " * 2000 + ")",
    ],
)
def test_other_programs_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_form(text)
