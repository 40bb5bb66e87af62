from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ratchet.diagnose.drag.similarity import levenshtein, rouge_l, same_text, tokenise
from ratchet.diagnose.drag.trees import (
    answer_distance,
    equivalent,
    read_tree,
    relative_distance,
    sort_operands,
    tree_distance,
)
from ratchet.worlds.countdown.expression import Expression, Negation, Number, Operation, render

numbers = st.integers(0, 9).map(Number)
expressions = st.recursive(
    numbers,
    lambda inner: st.one_of(
        inner.map(Negation),
        st.builds(Operation, st.sampled_from(["+", "-", "*", "/"]), inner, inner),
    ),
    max_leaves=6,
)
texts = st.text(alphabet="ab 12+*/-()=.", max_size=40)


def test_tokens_keep_operators_and_digits() -> None:
    assert tokenise("The 3*4 = 12.") == ["the", "3", "*", "4", "=", "12", "."]
    assert rouge_l("3*4", "3+4") == pytest.approx(2 / 3)
    assert rouge_l("3 * 4", "3*4") == 1.0
    assert rouge_l("12", "1 2") == 0.0


@settings(max_examples=100, deadline=None)
@given(texts, texts)
def test_rouge_agrees_with_the_reference_on_the_same_tokens(first: str, second: str) -> None:
    scorer: Any = pytest.importorskip("rouge_score.rouge_scorer")

    class Ours:
        def tokenize(self, text: str) -> list[str]:
            return tokenise(text)

    reference = scorer.RougeScorer(["rougeL"], tokenizer=Ours()).score(first, second)
    assert rouge_l(first, second) == pytest.approx(reference["rougeL"].fmeasure)


def to_zss(tree: Expression) -> Any:
    import zss

    if isinstance(tree, Number):
        return zss.Node(str(tree.value))
    if isinstance(tree, Negation):
        return zss.Node("negative", [to_zss(tree.operand)])
    return zss.Node(tree.operator, [to_zss(tree.left), to_zss(tree.right)])


@settings(max_examples=200, deadline=None)
@given(expressions, expressions)
def test_tree_distance_agrees_with_the_reference(first: Expression, second: Expression) -> None:
    zss: Any = pytest.importorskip("zss")
    assert tree_distance(first, second) == zss.simple_distance(to_zss(first), to_zss(second))


@settings(max_examples=100, deadline=None)
@given(expressions, expressions, expressions)
def test_tree_distance_is_a_distance(a: Expression, b: Expression, c: Expression) -> None:
    assert tree_distance(a, b) == tree_distance(b, a)
    assert (tree_distance(a, b) == 0) == (a == b)
    assert tree_distance(a, c) <= tree_distance(a, b) + tree_distance(b, c)


def test_the_order_of_operands_costs_edits_until_they_are_sorted() -> None:
    assert answer_distance("3 * 4 - 5", "4 * 3 - 5") == 2
    assert answer_distance("3 * 4 - 5", "4 * 3 - 5", sort=True) == 0
    assert answer_distance("3 - 4", "4 - 3", sort=True) == 2
    assert answer_distance("no expression", "4 - 3") is None
    assert relative_distance("3 - 4", "4 - 3") == pytest.approx(2 / 6)


@settings(max_examples=100, deadline=None)
@given(expressions)
def test_sorting_keeps_the_value_and_settles(tree: Expression) -> None:
    once = sort_operands(tree)
    assert sort_operands(once) == once
    assume(read_tree(render(tree)) is not None)
    assert equivalent(render(tree), render(once)) in (True, False)


def test_equivalence_and_levenshtein() -> None:
    assert equivalent("(2 + 3) * 4", "4 * 5") is True
    assert equivalent("2 + 3 * 4", "4 * 5") is False
    assert equivalent("1 / (2 - 2)", "1 / (3 - 3)") is False
    assert levenshtein("3 * 4", "3*5") == 1
    assert same_text(" 3*4", "3 * 4") and not same_text("3+4", "3*4")
