from __future__ import annotations

import re

import numpy as np
import pytest

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.choose import choose
from ratchet.research.scaling_laws.expression import Tree
from ratchet.research.scaling_laws.fit import fit
from ratchet.research.scaling_laws.form import Form, parse_form
from ratchet.research.scaling_laws.grammar import Grammar
from ratchet.research.scaling_laws.human import HUMAN, plain_law, seeds_of
from ratchet.research.scaling_laws.patches import law_edits
from ratchet.research.scaling_laws.problem import Problem, extrapolate
from ratchet.research.scaling_laws.sanity import check_physics, depends_on_batch
from ratchet.research.scaling_laws.synthetic import HIDDEN, make_table
from ratchet.research.scaling_laws.table import Table
from ratchet.research.scaling_laws.tasks import TASKS
from ratchet.search.archive import Archive, Entry
from ratchet.search.cascade import Assessment
from ratchet.search.evolve import Search
from ratchet.search.patches import PatchGrammar


@pytest.mark.parametrize(
    ("program", "failure"),
    [
        ("import os; os.abort()", "not_a_law"),
        ("(law id mse 0 own (~ batch_mean))", "not_a_law"),
        ("(law id mse 0 own (+ 1) (+ d) (+ (sq d)) (+ (log d)) (+ (sqrt d)))", "over_cap"),
        ("(law id mse 0 own (+ 1) (+ (pow (+ d ?s) (neg (+ ?e ?e)))))", "over_cap"),
        ("(law id mse 0 own (~ 1) (~ (log d)) (~ d))", "not_monotone"),
        ("(law id mse 0 own (+ 1) (+ (/ 1 (+ ?s (pow d ?e)))))", ""),
    ],
)
def test_programs_are_rejected_for_the_right_reason(sft: Table, program: str, failure: str) -> None:
    assert Problem(sft, Seed(1)).assess(program).failure == failure


def test_extrapolation_tells_what_the_fit_alone_does_not(sft: Table) -> None:
    """A logarithm bent by a straight line fits the rows and misses the next scale."""
    true = "(law id mse 0 own (+ 1) (+ (/ 1 (+ ?s (pow d ?e)))))"
    bent = "(law id mse 0 own (~ 1) (~ (log d)) (~ d))"
    scores = {}
    for how in ("sample", "holdout"):
        train, held, _ = Problem(sft, Seed(1), how).splits[0]
        scores[how] = [extrapolate(parse_form(t), train, held).score for t in (true, bent)]
    assert abs(scores["sample"][0] - scores["sample"][1]) < 0.01
    assert scores["holdout"][0] > scores["holdout"][1] + 0.01


def test_a_target_in_a_rising_regime_may_not_stand_still() -> None:
    f = np.tile(np.linspace(-1, 2, 30), 2)
    y = np.concatenate([-0.5 * np.exp(-0.5 * f[:30]), np.full(30, -0.4)])[:, None]
    table = Table(TASKS["easy_question"], ("a",) * 30 + ("b",) * 30, {"f": f}, y)
    flat = parse_form("(law id mse 0 own (- (exp (neg (* ?e f)))))")
    assert check_physics(flat, fit(flat, table.rows), table) == "stands_still"
    level = parse_form("(law id mse 0 own (- 1))")
    assert check_physics(level, fit(level, table.rows), table) == "stands_still"
    down = parse_form("(law id mse 0 own (- (exp f)))")
    assert check_physics(down, fit(down, table.rows), table) == "not_monotone"
    up = parse_form("(law id mse 0 own (- (exp (neg (* 0.5 f)))))")
    assert check_physics(up, fit(up, table.rows), table) == ""


def test_a_law_that_uses_its_batch_is_seen() -> None:
    x = np.linspace(1, 9, 20)
    rng = np.random.default_rng(0)
    assert not depends_on_batch(lambda rows: x[rows, None] ** 2, 20, rng)
    assert depends_on_batch(lambda rows: (x[rows] - x[rows].mean())[:, None], 20, rng)
    assert depends_on_batch(lambda rows: (x[rows] / x[rows].max())[:, None], 20, rng)
    assert depends_on_batch(lambda rows: np.arange(len(rows))[:, None] + 0.0, 20, rng)


@pytest.mark.parametrize("name", TASKS)
def test_the_grammar_writes_laws_within_the_cap(name: str) -> None:
    task = TASKS[name]
    grammar, archive = Grammar(task, name != "vocab"), Archive()
    known = {*task.variables, "own"}
    search = Search(grammar, lambda text: _count(text, known, task.cap))
    archive, tally = search.advance(archive, 150, Seed(4))
    assert tally.evaluations == 150 and not tally.failures
    assert len({e.operator for e in archive}) == 3


def _count(text: str, known: set[str], cap: int) -> Assessment:
    form = parse_form(text)
    assert form.text == text and form.variables <= known and form.count <= cap
    return Assessment(1.0 / form.size)


@pytest.mark.parametrize("name", TASKS)
def test_first_programs_keep_to_the_cap(name: str) -> None:
    for text in seeds_of(TASKS[name]):
        assert parse_form(text).count <= TASKS[name].cap
    assert HUMAN[name].text in seeds_of(TASKS[name])


def test_what_predicts_worse_is_not_kept() -> None:
    law = HIDDEN[6]
    problem = Problem(make_table(law, 0.01, Seed(1)), Seed(1))
    archive = Archive()
    simple = "(law id mse 0 own (+ 1) (+ (pow n (neg ?e))) (+ (pow d (neg 0.5))))"
    more = simple[:-1] + " (~ (sq (log n))))"
    fewer = "(law id mse 0 own (~ 1) (~ (log n)) (~ (log d)))"
    Search(Grammar(law.task, True, 1), problem.assess).plant(archive, [more, fewer, simple])
    assert len(archive.alive()) == 3
    found = choose(problem, archive, Seed(1))
    assert found[0].entry.program == simple
    assert [c.distance for c in found].count(float("inf")) == 2, "neither of the others was kept"


def test_a_constant_that_does_nothing_is_left_out() -> None:
    """The same law with one term written twice predicts the same, and is kept, but never taken."""
    law = HIDDEN[6]
    problem = Problem(make_table(law, 0.01, Seed(1)), Seed(1))
    archive = Archive()
    simple = "(law id mse 0 own (+ 1) (+ (pow n (neg ?e))) (+ (pow d (neg 0.5))))"
    twice = simple[:-1] + " (+ (pow d (neg 0.5))))"
    Search(Grammar(law.task, True, 1), problem.assess).plant(archive, [twice, simple])
    assert len(archive.alive()) == 2, "the simpler one is no twin of the other"
    first, second = choose(problem, archive, Seed(1))
    assert first.nmse == pytest.approx(second.nmse, rel=1e-4)
    assert first.entry.program == simple
    assert first.distance == 0.0 and second.distance == float("inf")


def test_terms_that_share_no_variable_make_an_interaction() -> None:
    law = HIDDEN[10]
    grammar = Grammar(law.task, True, 1)
    parent = Entry("(law id mse 0 own (~ 1) (~ (log n)) (~ (log d)))", 0.5)
    changed = {grammar.change([parent], Seed(n)).program for n in range(150)}
    assert "(law id mse 0 own (~ 1) (~ (log n)) (~ (log d)) (~ (* (log n) (log d))))" in changed


def test_simple_laws_are_written_from_nothing() -> None:
    """A constant and one term, or one term of each variable: most laws people found are such."""
    one, two = HIDDEN[4], HIDDEN[10]
    first = {Grammar(one.task, True, 1).fresh(Seed(n)).program for n in range(150)}
    assert any(set(_trees(text)) == {"1", "(/ 1 (+ ?s (pow n ?e)))"} for text in first)
    forms = [parse_form(Grammar(two.task, True, 1).fresh(Seed(n)).program) for n in range(100)]
    each = [form for form in forms if _alone(form) == [set(), {"d"}, {"n"}]]
    assert len(each) > 20
    assert any(len(f.terms) == 2 and len(f.terms[1].tree.variables) == 2 for f in forms)
    falls = [t for f in forms for t in f.terms if t.tree.op == "log"]
    assert falls and all(term.sign == "~" for term in falls), "a logarithm may fall"


def test_variables_often_enter_alike_and_with_their_interaction() -> None:
    task = HIDDEN[10].task
    forms = [parse_form(Grammar(task, True, 1).fresh(Seed(n)).program) for n in range(300)]
    main = [[t.tree for t in f.terms if len(t.tree.variables) == 1] for f in forms]
    pairs = [trees for trees in main if sorted("".join(t.variables) for t in trees) == ["d", "n"]]
    alike = [a for a, b in pairs if _renamed(a) == _renamed(b)]
    assert len(pairs) > 60 and 0.4 < len(alike) / len(pairs) < 0.8
    both = [
        form
        for form, trees in zip(forms, main, strict=True)
        if len(trees) == 2 and f"(* {trees[0]} {trees[1]})" in [t.tree.text for t in form.terms]
    ]
    assert len(both) > 5 and {f.terms[-1].sign for f in both} == {"~"}


def _renamed(tree: Tree) -> str:
    (name,) = tree.variables
    return " ".join("x" if w == name else w for w in re.findall(r"[^\s()]+|[()]", tree.text))


def _trees(text: str) -> list[str]:
    return [term.tree.text for term in parse_form(text).terms]


def _alone(form: Form) -> list[set[str]]:
    return sorted((set(term.tree.variables) for term in form.terms), key=sorted)


@pytest.mark.parametrize("name", TASKS)
def test_edits_of_a_law_keep_to_its_language(name: str) -> None:
    task = TASKS[name]
    grammar = PatchGrammar(plain_law(task).text, law_edits(task, name != "vocab", 2))
    for n in range(30):
        first = grammar.fresh(Seed(n))
        second = grammar.change([Entry(first.program, 0.5)], Seed(n))
        for text in (first.program, second.program):
            assert parse_form(text).text == text
        assert second.program != first.program
