"""How often labels are right, and on how much of the training weight they teach the wrong thing."""

from __future__ import annotations

import pytest

from ratchet.core.task import Attempt, StopReason, Task, Verdict
from ratchet.verify.audit import audit, judged_pairs, rates, task_j
from ratchet.verify.labels import Labelled


def group(passed: str, truth: str, right: bool | None = True, name: str = "t") -> Labelled:
    """Return attempts as two rows of 1 and 0: what the label passed, and what is right."""
    verdicts = tuple(Verdict(float(c), c == "1", True, "plurality") for c in passed)
    attempts = tuple(Attempt(name, "v", (), c, StopReason.END) for c in passed)
    truths = tuple(c == "1" for c in truth)
    return Labelled(Task(name, "", "", "", 1), attempts, verdicts, right, truths)


def test_rates_by_hand() -> None:
    """Of four right attempts three pass, of four wrong ones one."""
    found = rates([judged_pairs(group("1101", "1110")), judged_pairs(group("1000", "1000"))])
    assert found is not None
    assert (found.tpr, found.fpr, found.j, found.j_tasks) == (0.75, 0.25, 0.5, 2)
    # Linearised over tasks: right 3 and 1 with 2 and 1 passed, wrong 1 and 3 with 1 and 0 passed.
    assert found.tpr_error == pytest.approx((2 * 2 * (0.25 / 4) ** 2) ** 0.5)
    assert found.fpr_error == pytest.approx((2 * 2 * (0.75 / 4) ** 2) ** 0.5)
    assert found.j_error == pytest.approx((2 * 2 * (1.0 / 4) ** 2) ** 0.5)


@pytest.mark.parametrize("alone", [[], [group("10", "10")], [group("10", "11")] * 3])
def test_without_both_kinds_there_are_no_rates(alone: list[Labelled]) -> None:
    assert audit(alone).rates is None


@pytest.mark.parametrize(
    ("passed", "truth", "j"),
    [("1100", "1100", 1.0), ("0011", "1100", -1.0), ("1010", "1100", 0.0), ("11", "00", -1.0),
     ("10", "11", 0.5), ("", "", 0.0)],
)  # fmt: skip
def test_the_sign_of_a_task(passed: str, truth: str, j: float) -> None:
    assert task_j(judged_pairs(group(passed, truth))) == j


def test_weight_that_teaches_the_wrong_thing() -> None:
    good, bad = group("1100", "1100"), group("0111", "1000", right=False)
    flat = group("1111", "0000", right=False)
    found = audit([good, bad, flat])
    # Advantages (r - mean) / std: 4 of size 1; 1 of sqrt(3) and 3 of 1 / sqrt(3); none.
    wrong = 2 * 3**0.5
    assert found.against == pytest.approx(wrong / (4 + wrong), abs=1e-5)
    assert found.accuracy is not None
    assert found.accuracy.mean == pytest.approx(1 / 3) and found.accuracy.n == 3
    assert 0.0 < found.accuracy.low < found.accuracy.mean < found.accuracy.high < 1.0
    assert audit([good, bad], [3.0, 1.0]).against == 0.25
    assert audit([flat]).against is None and audit([]).accuracy is None


def test_truth_as_the_label_is_perfect() -> None:
    exact = group("1100", "")
    found = audit([exact, group("1000", "")])
    assert found.rates is not None and (found.rates.j, found.against) == (1.0, 0.0)


def test_a_label_that_is_missing_is_not_counted() -> None:
    accuracy = audit([group("10", "10", right=None), group("10", "10")]).accuracy
    assert accuracy is not None and (accuracy.n, accuracy.mean) == (1, 1.0)
