"""What decides whether an attempt was right, and whether that decision was."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, StopReason
from ratchet.verify.labels import (
    Labelled,
    Labels,
    Source,
    judge,
    judge_groups,
    label_accuracy,
    trace_labelled,
)
from ratchet.worlds.arithmetic import Arithmetic

WORLD = Arithmetic()
TASK, OTHER = WORLD.tasks(Seed(1).rng(), 2, family="one_digit")
TRUTH = next(str(n) for n in range(-99, 99) if WORLD.check(TASK, str(n)).passed)
WRONG = str(int(TRUTH) + 1)


def attempts(*answers: str) -> list[Attempt]:
    return [Attempt(TASK.id, "v", (), answer, StopReason.END) for answer in answers]


def label(source: Labels | Source, *answers: str, seed: int = 0) -> Labelled:
    return judge(WORLD, TASK, attempts(*answers), source, Seed(seed).rng())


def passed(group: Labelled) -> list[bool]:
    return [verdict.passed for verdict in group.verdicts]


def test_execution_computes_the_truth() -> None:
    group = label("execution", TRUTH, WRONG, f"it is {TRUTH}", "no idea")
    assert passed(group) == [True, False, True, False]
    assert [v.parsed for v in group.verdicts] == [True, True, True, False]
    assert {v.source for v in group.verdicts} == {"exact"}
    assert (group.pass_rate, group.label_right) == (0.5, True)


def test_plurality_follows_the_commonest_answer_right_or_wrong() -> None:
    right = label("plurality", TRUTH, WRONG, f"so {TRUTH}", "junk")
    assert passed(right) == [True, False, True, False]
    assert right.label_right is True and right.pass_rate == 0.5
    wrong = label("plurality", WRONG, TRUTH, WRONG)
    assert passed(wrong) == [True, False, True]
    assert wrong.label_right is False
    assert {v.source for v in wrong.verdicts} == {"plurality"}
    assert [v.reward for v in wrong.verdicts] == [1.0, 0.0, 1.0]


def test_a_tie_is_broken_by_the_text_and_not_by_the_order() -> None:
    smaller = min(TRUTH, WRONG)
    for answers in ((TRUTH, WRONG), (WRONG, TRUTH)):
        group = label("plurality", *answers)
        assert passed(group) == [answer == smaller for answer in answers]


def test_without_a_vote_there_is_no_label() -> None:
    group = label("plurality", "no idea", "")
    assert passed(group) == [False, False]
    assert group.label_right is None and not any(v.parsed for v in group.verdicts)


def test_random_labels_do_not_look_at_the_answer() -> None:
    for seed in range(20):
        right = label("random", *[TRUTH] * 8, seed=seed)
        assert passed(right) == passed(label("random", *[WRONG] * 8, seed=seed))
        assert right.label_right is None
    drawn = [p for seed in range(200) for p in passed(label("random", *[TRUTH] * 8, seed=seed))]
    assert 0.45 < sum(drawn) / len(drawn) < 0.55


def test_groups_are_judged_each_by_a_stream_of_its_own() -> None:
    groups = [attempts(*[TRUTH] * 16), attempts(*[TRUTH] * 16)]
    both = judge_groups(WORLD, [TASK, OTHER], groups, "random", Seed(1))
    swapped = judge_groups(WORLD, [OTHER, TASK], groups, "random", Seed(1))
    assert passed(both[0]) == passed(swapped[1]) != passed(both[1])
    with pytest.raises(ValueError, match="zip"):
        judge_groups(WORLD, [TASK], groups, "random", Seed(1))


@pytest.mark.parametrize(
    ("rights", "share"),
    [((True, False, True, True), 0.75), ((None, True), 1.0), ((None,), None), ((), None)],
)
def test_label_accuracy_is_over_labels_alone(
    rights: Sequence[bool | None], share: float | None
) -> None:
    groups = [Labelled(TASK, (), (), right) for right in rights]
    assert label_accuracy(groups) == share


def test_traces_carry_pass_rate_and_audit() -> None:
    traces = trace_labelled(label("plurality", WRONG, WRONG, TRUTH, "?"))
    assert [t.verdict.passed for t in traces] == [True, True, False, False]
    told = {"p": 0.5, "label_right": 0.0}
    assert [t.measures for t in traces] == [told | {"truth": t} for t in (0.0, 0.0, 1.0, 0.0)]
    assert all((t.role, t.task) == ("solver", TASK) for t in traces)
    (silent,) = trace_labelled(label("plurality", "?"), role="student")
    assert (silent.measures, silent.role) == ({"p": 0.0, "truth": 0.0}, "student")


def test_a_coin_is_audited_too() -> None:
    group = label("random", TRUTH, WRONG, "?")
    assert group.truths == (True, False, False) and group.label_right is None


@pytest.mark.parametrize(
    ("agreement", "labelled"), [(0.5, True), (0.51, False), (0.0, True), (1.0, False)]
)
def test_without_agreement_there_is_no_label(agreement: float, labelled: bool) -> None:
    """Two of four attempts agree; one that cannot be read counts among the four."""
    group = label(Labels("gated", agreement), TRUTH, TRUTH, WRONG, "?")
    assert (group.label_right is True) == labelled
    assert passed(group) == [labelled, labelled, False, False]
    assert [v.parsed for v in group.verdicts] == [True, True, True, False]
    assert group.truths == (True, True, False, False)


def test_systematic_errors_vote_as_one() -> None:
    answers = [TRUTH, TRUTH, WRONG, WRONG + "0", WRONG + "1", "?"]
    scattered = label("plurality", *answers)
    assert scattered.label_right is True and passed(scattered) == [True, True, *[False] * 4]
    united = label(Labels("plurality", systematic=1.0), *answers)
    assert united.label_right is False
    assert passed(united) == [False, False, True, True, True, False]
    assert united.truths == scattered.truths
    sure = label(Labels("plurality", systematic=1.0), TRUTH, TRUTH)
    assert sure.label_right is True


def test_systematic_errors_are_a_property_of_the_task() -> None:
    tasks = WORLD.tasks(Seed(2).rng(), 200)
    wrong = {}
    for seed in (1, 2):
        rng = Seed(seed).rng()
        answers = [attempts(TRUTH, "1000001", "1000002") for _ in tasks]
        groups = zip(tasks, answers, strict=True)
        labels = Labels("plurality", systematic=0.3)
        found = [judge(WORLD, task, group, labels, rng) for task, group in groups]
        wrong[seed] = [len({v.passed for v in group.verdicts[1:]}) == 1 for group in found]
    assert wrong[1] == wrong[2]
    assert 0.2 < sum(wrong[1]) / 200 < 0.4
