"""Buffers of tasks: by mode, by age, without doubles."""

from __future__ import annotations

from collections import Counter

import pytest

from ratchet.core.errors import RunError
from ratchet.core.seeds import Seed
from ratchet.curriculum.buffer import Buffer, Kept, mean_age, read_buffer

OLD, YOUNG = Kept("a", "f(x) = x + 1", "deduction", 0), Kept("b", "f(x) = x * 2", "deduction", 9)
OTHER = Kept("c", "f(x) = x - 1", "induction", 3)


def test_a_task_that_is_there_keeps_its_birth() -> None:
    buffer = Buffer().add([OLD, OTHER]).add([Kept("a", "again", "deduction", 7), YOUNG])
    assert buffer.kept == (OLD, OTHER, YOUNG)
    assert buffer.ages(10) == [10, 7, 1]
    assert mean_age([OLD, YOUNG], 10) == 5.5 and mean_age([], 10) == 0.0


def test_the_oldest_of_a_family_go_first() -> None:
    many = [Kept(str(i), f"t{i}", "deduction", i) for i in range(6)]
    buffer = Buffer(limit=3).add([OTHER, *many])
    assert [one.id for one in buffer.kept] == ["c", "3", "4", "5"]


def test_only_the_family_asked_for_is_drawn_and_nothing_twice() -> None:
    buffer = Buffer().add([OLD, YOUNG, OTHER])
    for draw in range(20):
        drawn = buffer.draw(Seed(1).child(draw).rng(), 5, "deduction", 10)
        assert {one.id for one in drawn} == {"a", "b"} and len(drawn) == 2
    assert buffer.draw(Seed(1).rng(), 5, "abduction", 10) == []
    first, again = (buffer.draw(Seed(2).rng(), 1, "deduction", 10) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(("recall", "low", "high"), [("uniform", 0.4, 0.6), ("recent", 0.8, 0.9)])
def test_recent_recall_prefers_the_young(recall: str, low: float, high: float) -> None:
    """Weights 1/11 and 1/2: the young one comes with 11 of 13."""
    buffer, seed = Buffer().add([OLD, YOUNG]), Seed(3)
    drawn = Counter(
        buffer.draw(seed.child(i).rng(), 1, "deduction", 10, recall)[0].id  # type: ignore[arg-type]
        for i in range(600)
    )
    assert low < drawn["b"] / 600 < high


def test_a_buffer_goes_through_a_text_and_back() -> None:
    buffer = Buffer(limit=8).add([OLD, YOUNG, OTHER, Kept("d", 'a "quoted"\nline', "x", 4)])
    assert read_buffer(buffer.write(), 8) == buffer
    assert read_buffer("", 8) == Buffer(limit=8)
    for damaged in ('["a"]\n', "nonsense\n", '["a", "b", "c", "d"]\n'):
        with pytest.raises(RunError, match="line 1"):
            read_buffer(damaged, 8)
