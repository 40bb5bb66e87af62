"""The interval gate: what is promoted, held, rejected and halted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ratchet.core.evidence import Decision, Evidence, ItemScore, Scores, Verb
from ratchet.core.findings import Continue, Finding, Halt, Reject, SetParameter
from ratchet.core.seeds import Seed
from ratchet.loop.gate import History, IntervalGate, paired_gain


def scores(values: Sequence[float], unread: Sequence[int] = ()) -> Scores:
    return Scores(tuple(ItemScore(f"i{n}", "f", v, n not in unread) for n, v in enumerate(values)))


def decide(
    ours: Sequence[float],
    theirs: Sequence[float],
    *findings: Finding,
    holds: int = 0,
    most_holds: int = 6,
) -> Decision:
    asked: list[int] = []

    def draw(n: int, families: Sequence[str] = ()) -> Evidence:
        asked.append(n)
        return Evidence("gate", scores(ours), scores(theirs))

    gate = IntervalGate(len(ours), most_holds)
    decision, evidence = gate.decide(draw, findings, History(holds), Seed(1))
    assert asked == [len(ours)]
    assert evidence == Evidence("gate", scores(ours), scores(theirs))
    return decision


BETTER = ([1.0] * 30 + [0.0] * 20, [0.0] * 50)
EVEN = ([1.0, 0.0] * 25, [0.0, 1.0] * 25)
WORSE = (BETTER[1], BETTER[0])


def test_a_gain_above_zero_is_promoted_and_explained() -> None:
    decision = decide(*BETTER)
    assert decision.verb is Verb.PROMOTE
    assert decision.measures["gain"] == pytest.approx(0.6)
    assert 0 < decision.measures["low"] < 0.6 < decision.measures["high"] <= 1
    assert decision.measures["items"] == 50
    assert "+60.0 points" in decision.reason and "50 anchors" in decision.reason


def test_a_loss_is_rejected_and_the_uncertain_held() -> None:
    assert decide(*WORSE).verb is Verb.REJECT
    assert decide(*EVEN).verb is Verb.HOLD
    likely = decide([1.0] * 3 + [0.0] * 47, [0.0] * 48 + [1.0] * 2)
    assert likely.verb is Verb.HOLD and likely.measures["gain"] > 0
    same = decide([0.5] * 50, [0.5] * 50)
    assert same.verb is Verb.HOLD and same.measures["low"] <= 0 <= same.measures["high"]


@pytest.mark.parametrize(("holds", "verb"), [(4, Verb.HOLD), (5, Verb.REJECT), (9, Verb.REJECT)])
def test_six_holds_in_a_row_are_a_rejection(holds: int, verb: Verb) -> None:
    decision = decide(*EVEN, holds=holds)
    assert decision.verb is verb
    assert (f"{holds + 1} holds in a row" in decision.reason) == (verb is Verb.REJECT)
    assert decide(*BETTER, holds=holds).verb is Verb.PROMOTE


def test_the_number_of_holds_can_be_set() -> None:
    assert decide(*EVEN, holds=1, most_holds=2).verb is Verb.REJECT


def test_findings_win_over_any_gain_and_halt_wins_over_reject() -> None:
    reject, halt = Finding("drift", "x", Reject()), Finding("leak", "x", Halt())
    decision = decide(*BETTER, reject)
    assert decision.verb is Verb.REJECT and "drift asks to reject" in decision.reason
    decision = decide(*BETTER, reject, halt)
    assert decision.verb is Verb.HALT and "leak asks to halt" in decision.reason
    others = (Finding("a", "x", Continue()), Finding("b", "x", SetParameter("p", 1.0)))
    assert decide(*BETTER, *others).verb is Verb.PROMOTE


def test_the_same_seed_gives_the_same_interval() -> None:
    ours, theirs = scores([1.0, 0.0, 1.0] * 9), scores([0.0, 1.0, 1.0] * 9)
    assert paired_gain(ours, theirs, Seed(3)) == paired_gain(ours, theirs, Seed(3))
    assert paired_gain(ours, theirs, Seed(3)) != paired_gain(ours, theirs, Seed(4))


def test_items_that_recur_count_once() -> None:
    def repeated(value: float, times: int) -> Scores:
        return Scores(
            tuple(ItemScore(f"i{n}", "f", value * n / 9, True) for n in range(10)) * times
        )

    gain = paired_gain(repeated(1.0, 5), repeated(0.0, 5), Seed(1))
    once = paired_gain(repeated(1.0, 1), repeated(0.0, 1), Seed(1))
    assert (gain.n, once.n) == (10, 10)
    assert gain.width == pytest.approx(once.width, rel=0.1)


def test_scores_of_other_anchors_are_not_compared() -> None:
    ours = scores([1.0, 0.0])
    with pytest.raises(ValueError, match="not of the same anchors"):
        paired_gain(ours, Scores(tuple(reversed(scores([1.0, 0.0]).items))), Seed(1))
    with pytest.raises(ValueError, match="zip"):
        paired_gain(ours, scores([1.0]), Seed(1))


def test_parsed_only_keeps_items_that_both_could_be_read_on() -> None:
    ours = scores([1.0, 1.0, 1.0, 0.0], unread=[0])
    theirs = scores([0.0, 0.0, 1.0, 0.0], unread=[1])
    assert paired_gain(ours, theirs, Seed(1)).mean == pytest.approx(0.5)
    both = paired_gain(ours, theirs, Seed(1), parsed_only=True)
    assert (both.mean, both.n) == (0.0, 2)


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(ValueError, match="no items"):
        paired_gain(Scores(()), Scores(()), Seed(1))
    with pytest.raises(ValueError, match="no items"):
        paired_gain(scores([1.0], [0]), scores([1.0]), Seed(1), parsed_only=True)
