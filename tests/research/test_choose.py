from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws import choose as module
from ratchet.research.scaling_laws.choose import choose
from ratchet.research.scaling_laws.expression import Array
from ratchet.research.scaling_laws.fit import fit
from ratchet.research.scaling_laws.form import Form, parse_form
from ratchet.research.scaling_laws.grammar import Grammar
from ratchet.research.scaling_laws.problem import NODE, Problem, describe
from ratchet.research.scaling_laws.strategy import STRATEGIES
from ratchet.research.scaling_laws.synthetic import HIDDEN, make_table
from ratchet.research.scaling_laws.table import Table
from ratchet.search.archive import Archive, Entry
from ratchet.search.evolve import Search


def test_a_description_counts_noise_constants_and_nodes(sft: Table) -> None:
    form = parse_form("(law id mse 0 own (+ 1) (+ (pow d (neg ?e))))")
    constants = fit(form, sft.rows)
    told = describe(form, constants, sft)
    # 6 groups of 12 rows, 3 constants each.
    noise = float(12 * np.log(constants.cost).sum())
    assert told == pytest.approx(noise + 18 * np.log(72) + NODE * form.size)
    shared = parse_form("(law id mse 0 shared (+ 1) (+ (pow d (neg ?e))))")
    constants = fit(shared, sft.rows)
    told = describe(shared, constants, sft)
    noise = float(12 * np.log(constants.cost).sum())
    assert told == pytest.approx(noise + 13 * np.log(72) + NODE * form.size), "one exponent for all"


def test_of_what_extrapolates_alike_the_shortest_description_is_taken() -> None:
    """Both predict the held-out rows within their noise; one misfits the smaller scales."""
    law = HIDDEN[4]
    problem = Problem(make_table(law, 0.01, Seed(3)), Seed(3))
    archive = Archive()
    rival = "(law log mse 4 own (+ (pow (+ n ?s) (neg ?e))))"
    Search(Grammar(law.task, True, 1), problem.assess).plant(archive, [rival, law.form.text])
    lengths = {e.program: e.measures["length"] for e in archive.alive()}
    assert lengths[law.form.text] < lengths[rival] - 20
    first, second = choose(problem, archive, Seed(1))
    assert first.entry.program == law.form.text
    assert first.distance == 0.0 and second.distance == float("inf")


def test_a_law_that_does_not_know_is_not_credible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own uncertainty covers whatever it misses; the better law is taken all the same."""
    law = HIDDEN[1]
    problem = Problem(make_table(law, 0.01, Seed(1)), Seed(1))
    vague = "(law id mse 0 own (~ 1) (~ (log n)))"
    archive = Archive()
    for text, length in ((vague, -1000.0), (law.form.text, 0.0)):
        count = float(parse_form(text).count)
        archive.add(Entry(text, 0.9, measures={"length": length, "constants": count}))
    measured = module._measure

    def unsure(problem: Problem, form: Form, seed: Seed) -> tuple[Array, float]:
        rows, surprise = measured(problem, form, seed)
        return rows, 0.5 if form.count == parse_form(vague).count else surprise

    monkeypatch.setattr(module, "_measure", unsure)
    errors = {c.entry.program: c.nmse for c in choose(problem, archive, Seed(1))}
    assert errors[vague] > module.FAR > errors[law.form.text]
    assert choose(problem, archive, Seed(1))[0].entry.program == law.form.text
    monkeypatch.setattr(module, "FAR", 100.0)
    assert choose(problem, archive, Seed(1))[0].entry.program == vague


def test_what_describes_the_rows_shortest_but_extrapolates_badly_is_not_taken() -> None:
    law = HIDDEN[1]
    problem = Problem(make_table(law, 0.01, Seed(1)), Seed(1))
    bent = "(law id mse 0 own (~ 1) (~ (log n)) (~ (sq (log n))))"
    archive = Archive()
    for text, length in ((bent, -1000.0), (law.form.text, 0.0)):
        count = float(parse_form(text).count)
        archive.add(Entry(text, 0.9, measures={"length": length, "constants": count}))
    assert choose(problem, archive, Seed(1))[0].entry.program == law.form.text


def test_a_known_law_is_given_up_only_for_one_that_is_credibly_better() -> None:
    law = HIDDEN[1]
    problem = Problem(make_table(law, 0.01, Seed(1)), Seed(1))
    bare = "(law id mse 0 own (+ (pow (+ n 1) (neg 0.25))))"
    longer = "(law id mse 0 own (+ 1) (+ (* (sqrt 1) (pow n (neg ?e)))))"
    archive = Archive()
    for text, length in ((bare, 0.0), (longer, 0.0), (law.form.text, -100.0)):
        count = float(parse_form(text).count)
        archive.add(Entry(text, 0.9, measures={"length": length, "constants": count}))
    found = choose(problem, archive, Seed(1))
    assert found[0].entry.program == law.form.text and len(found) == 3
    known = choose(problem, archive, Seed(1), [longer, "(law id mse 0 own (~ 1))"])
    errors = {c.entry.program: c.nmse for c in found}
    assert errors[bare] > 2 * errors[law.form.text]
    assert known[0].entry.program == longer and known[0].distance == 0.0
    assert sorted(c.entry.id for c in known) == sorted(c.entry.id for c in found)
    assert choose(problem, archive, Seed(1), [bare])[0].entry.program == law.form.text
    both = choose(problem, archive, Seed(1), [bare, longer])
    assert both[0].entry.program == longer, "of two known laws the better one stands for them"


def test_a_known_law_is_compared_however_many_do_better() -> None:
    law = HIDDEN[1]
    problem = Problem(make_table(law, 0.01, Seed(1)), Seed(1))
    known = "(law id mse 0 own (~ 1) (~ (sq (sq (log n)))))"
    archive = Archive()
    search = Search(Grammar(law.task, True, 1), problem.assess, STRATEGIES["best_of_n"])
    search.plant(archive, [known])
    archive, _ = search.advance(archive, 80, Seed(2))
    assert known not in {c.entry.program for c in choose(problem, archive, Seed(1))}
    assert known in {c.entry.program for c in choose(problem, archive, Seed(1), [known])}


def test_too_few_scales_do_not_speak_against_a_known_law(monkeypatch: pytest.MonkeyPatch) -> None:
    law = HIDDEN[1]
    table = make_table(law, 0.01, Seed(1))
    bare = "(law id mse 0 own (+ (pow (+ n 1) (neg 0.25))))"
    folds = Problem(table, Seed(1)).folds
    for determined, taken in ((True, law.form.text), (False, bare)):
        told = [replace(fold, determined=determined) for fold in folds]
        monkeypatch.setattr(Problem, "folds", told)
        problem, archive = Problem(table, Seed(1)), Archive()
        Search(Grammar(law.task, True, 1), problem.assess).plant(archive, [bare, law.form.text])
        assert choose(problem, archive, Seed(1), [bare])[0].entry.program == taken


def test_a_difference_within_its_standard_error_is_luck(monkeypatch: pytest.MonkeyPatch) -> None:
    law = HIDDEN[1]
    problem = Problem(make_table(law, 0.01, Seed(1)), Seed(1))
    known = "(law id mse 0 own (+ 1) (+ (pow (+ n ?s) (neg ?e))))"
    archive = Archive()
    Search(Grammar(law.task, True, 1), problem.assess).plant(archive, [known, law.form.text])
    away = np.tile([0.01, -0.01], 8)
    # 16 rows: the standard error of the difference is 0.0026.
    for more, taken in ((0.002, known), (0.004, law.form.text)):

        def measured(problem: Problem, form: Form, seed: Seed) -> tuple[Array, float]:
            return (0.02 + away + more if form.text == known else np.full(16, 0.02)), 1.0  # noqa: B023

        monkeypatch.setattr(module, "_measure", measured)
        assert choose(problem, archive, Seed(1), [known])[0].entry.program == taken
        assert choose(problem, archive, Seed(1))[0].entry.program == law.form.text
