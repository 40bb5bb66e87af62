from __future__ import annotations

from ratchet.learn.fallback import Drafted, fallback


def example(number: int, right: bool) -> Drafted:
    return Drafted((1, 2, number), (7,) if right else (8, 9), (number, number), right)


def test_verdict_and_solution_are_trained_and_the_draft_is_not() -> None:
    update = fallback([example(3, False), example(4, True)])
    wrong, right = update.batch.rows
    assert wrong.tokens == (1, 2, 3, 8, 9, 3, 3) and wrong.weights == (0, 0, 0, 1, 1, 1, 1)
    assert right.tokens == (1, 2, 4, 7, 4, 4)


def test_both_halves_are_of_one_size() -> None:
    update = fallback([example(i, i < 2) for i in range(7)])
    assert len(update.batch.rows) == 4 and (update.signal, update.dropped) == (4, 3)
    assert fallback([example(1, False)]).batch.rows == ()
