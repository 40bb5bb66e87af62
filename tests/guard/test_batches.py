"""Batches of one measurement: disjoint, by family, and a function of what was asked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ratchet.core.errors import EvaluatorError
from ratchet.core.evidence import Scores
from ratchet.core.seeds import Seed
from ratchet.guard.evaluator import Evaluator
from ratchet.worlds.protocol import Stream
from tests.guard.conftest import Start
from tests.guard.sums import Adder, Constant


def batch(
    evaluator: Evaluator, number: int, n: int = 20, families: Sequence[str] = (), draw: int = 3
) -> Scores:
    return evaluator.measure(
        Adder(), Stream.GATE, n, draw, Seed(1), "solver", batch=number, families=families
    )


def items(scores: Scores) -> list[str]:
    return [score.item for score in scores.items]


def test_no_batch_repeats_an_anchor_of_those_before_it(start: Start) -> None:
    with start() as evaluator:
        drawn = [batch(evaluator, number) for number in range(8)]
        drawn.append(batch(evaluator, 8, n=30, families=("large", "small")))
    every = [item for scores in drawn for item in items(scores)]
    assert len(every) == len(set(every)) == 8 * 20 + 60


def test_named_families_give_that_many_of_each(start: Start) -> None:
    with start() as evaluator:
        batch(evaluator, 0)
        both = batch(evaluator, 1, n=7, families=("small", "large"))
        one = batch(evaluator, 2, n=9, families=("large",))
    assert {family: len(s) for family, s in both.by_family().items()} == {"large": 7, "small": 7}
    assert {family: len(s) for family, s in one.by_family().items()} == {"large": 9}


def test_later_batches_keep_the_charters_mix(start: Start) -> None:
    with start() as evaluator:
        shares = [
            len(batch(evaluator, number, n=40).by_family().get("small", [])) for number in range(6)
        ]
    assert shares[0] == 20 and 90 <= sum(shares) <= 150


def test_two_solvers_get_the_same_batches_in_any_order(start: Start) -> None:
    requests: list[tuple[int, Sequence[str]]] = [(0, ()), (1, ()), (2, ("small",)), (3, ())]
    with start(folder="one") as evaluator:
        together = [items(batch(evaluator, b, families=f)) for b, f in requests]
        again = [items(batch(evaluator, b, families=f)) for b, f in requests]
    with start(folder="two") as evaluator:
        fresh = [items(batch(evaluator, b, families=f)) for b, f in requests]
        paired = evaluator.measure(Constant("no"), Stream.GATE, 20, 3, Seed(1), "other", batch=3)
    assert together == again == fresh
    assert items(paired) == together[3]


def test_the_first_batch_is_the_plain_draw_and_draws_stay_apart(start: Start) -> None:
    with start() as evaluator:
        plain = evaluator.measure(Adder(), Stream.GATE, 20, 3, Seed(1), "solver")
        assert batch(evaluator, 0) == plain
        further = [items(batch(evaluator, number, draw=d)) for d in (3, 4) for number in (0, 1)]
    assert further[1] != further[3]


def test_a_dry_space_gives_what_is_left(start: Start) -> None:
    with start() as evaluator:
        first = batch(evaluator, 0, n=5_000)
        rest = batch(evaluator, 1, n=5_000)
        last = batch(evaluator, 2, n=10, families=("small",))
    assert 0 < len(first) < 5_000
    assert not {*items(first)} & {*items(rest)} and len(last) == 0


@pytest.mark.parametrize(
    ("number", "families", "named"),
    [(2, (), "batch 2 of a measurement that has 1"), (1, ("huge",), "no family 'huge'")],
)
def test_a_missing_batch_and_an_unknown_family_are_refused(
    start: Start, number: int, families: Sequence[str], named: str
) -> None:
    with start() as evaluator:
        batch(evaluator, 0)
        with pytest.raises(EvaluatorError, match=named) as caught:
            batch(evaluator, number, families=families)
        assert caught.value.hint
        assert len(batch(evaluator, 1)) == 20
