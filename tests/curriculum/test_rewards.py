"""What a proposal earns, against numbers worked out by hand."""

from __future__ import annotations

import pytest

from ratchet.curriculum import rewards
from ratchet.curriculum.difficulty import DIFFICULTIES, describe_moments
from ratchet.curriculum.rewards import (
    ProposerWeights,
    Tried,
    combine,
    pay,
    planted_payment,
    tool_use,
)


@pytest.mark.parametrize(
    ("calls", "cap", "earned"),
    [((), 4, 0.0), ((0, 0), 4, 0.0), ((4, 9), 4, 1.0), ((1, 3), 4, 0.5), ((1, 0), 1, 0.5)],
)
def test_tool_use_is_the_mean_of_capped_calls(
    calls: tuple[int, ...], cap: int, earned: float
) -> None:
    assert tool_use(calls, cap) == earned


def test_rewards_add_up_and_never_fall_below_zero() -> None:
    weights = ProposerWeights(1.0, 0.5, 2.0)
    assert combine(True, 1.0, 0.5, 0.25, weights) == 0.75
    assert combine(True, 0.1, 0.0, 1.0, weights) == 0.0
    assert combine(False, 1.0, 1.0, 0.0, weights) == 0.0


def test_a_batch_is_paid_as_worked_out_by_hand() -> None:
    tried = [
        Tried("2 + 2", True, 0.5, (1, 0)),
        Tried("2 + 2", True, 0.5, (0, 0)),
        Tried("7 * 8 - 9", True, 0.75, (4, 8)),
        Tried("hello", False),
        Tried("91 - 3", True, 1.0, (0, 0)),
    ]
    paid = pay(tried, ProposerWeights(uncertainty=1.0, tool=0.6, repetition=1.0))
    # Among four valid texts the two equal ones each have one other of three beside them.
    assert paid.terms["repetition"] == pytest.approx((1 / 3, 1 / 3, 0, 0, 0))
    assert paid.terms["uncertainty"] == pytest.approx((1, 1, 0.5, 0, 0))
    assert paid.terms["tool"] == pytest.approx((1 / 8, 0, 1, 0, 0))
    hand = (1 + 0.6 / 8 - 1 / 3, 1 - 1 / 3, 0.5 + 0.6, 0, 0)
    assert paid.rewards == pytest.approx(hand)
    del paid.changed["reward.floor"]  # type: ignore[attr-defined]
    assert set(paid.changed.values()) == {(True, True)}


def test_a_weight_of_nothing_switches_a_term_off() -> None:
    tried = [Tried("1 + 1", True, 0.5, (4,)), Tried("1 + 1", True, 0.5, (4,))]
    paid = pay(tried, ProposerWeights(uncertainty=1.0, tool=0.0, repetition=0.0))
    assert paid.rewards == (1.0, 1.0)
    assert set(paid.changed) == {"reward.uncertainty", "reward.format"}


def test_a_term_that_had_nothing_to_pay_for_did_not_occur() -> None:
    paid = pay([Tried("1 + 1", True, 1.0, (0,))], ProposerWeights())
    assert paid.rewards == (0.0,)
    assert set(paid.changed.values()) == {(False, False), (False, True)}
    assert paid.changed["reward.floor"] == (False, True)
    assert paid.changed["reward.format"] == (False, True)
    assert pay([], ProposerWeights()).rewards == ()


def test_a_term_that_occurs_without_effect_is_told() -> None:
    """Repetition that only takes from what is 0 anyway changes nothing."""
    paid = pay([Tried("1 + 1", True, 1.0)] * 2, ProposerWeights())
    assert paid.changed["reward.repetition"] == (True, False)


def test_the_planted_batch_moves_every_term() -> None:
    changed = planted_payment(ProposerWeights()).changed
    terms = ("uncertainty", "tool", "repetition", "format", "floor")
    assert set(changed) == {f"reward.{term}" for term in terms}
    assert set(changed.values()) == {(True, True)}


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_any_difficulty_moves_the_planted_batch(difficulty: str) -> None:
    changed = planted_payment(ProposerWeights(difficulty=difficulty)).changed
    assert set(changed.values()) == {(True, True)}


def test_a_new_reward_is_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the table can be paid, planted and described, and nothing else is touched."""
    monkeypatch.setitem(DIFFICULTIES, "half_or_nothing", lambda p: float(p == 0.5))
    weights = ProposerWeights(difficulty="half_or_nothing", tool=0.0, repetition=0.0)
    assert pay([Tried("a", True, 0.5), Tried("b", True, 0.25)], weights).rewards == (1.0, 0.0)
    assert planted_payment(weights).changed["reward.uncertainty"] == (True, True)
    assert "| half_or_nothing | exact | 0.00 | 0.00 | 0.00 | 1.00 |" in describe_moments()


def test_the_released_form_is_paid_as_its_code_pays() -> None:
    weights = ProposerWeights(1.0, 0.2, 1.0, "lesser_share", -1.0, None, True)
    tried = [
        Tried("2 + 2", True, 0.75, (4, 4)),
        Tried("2 + 2", True, 1.0, (0, 0)),
        Tried("91 - 3", True, 0.5, (0, 2)),
        Tried("hello", False),
    ]
    # min(p, 1 - p) + 0.05 a call - |cluster| / batch; -1 for what is no task; nothing is cut at 0.
    hand = (0.25 + 0.2 - 2 / 3, 0.0 - 2 / 3, 0.5 + 0.05 - 1 / 3, -1.0)
    assert pay(tried, weights).rewards == pytest.approx(hand)
    assert "reward.floor" not in planted_payment(weights).changed


def test_a_reward_below_the_floor_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Absolute Zero's released code pays -0.5 for tasks that are always or never solved."""
    paid = rewards.combine
    monkeypatch.setattr(
        rewards, "combine", lambda ok, *terms: paid(ok, *terms) or (-0.5 if ok else 0.0)
    )
    assert planted_payment(ProposerWeights()).changed["reward.floor"] == (True, False)


def test_absolute_zero_is_paid_by_its_text_and_by_its_code() -> None:
    """0 where nothing is to be learned, or a fine of a half; -1 for what is no task."""
    tried = [Tried(str(p), True, p) for p in (0.0, 0.25, 0.75, 1.0)] + [Tried("no task", False)]
    text = ProposerWeights(1.0, 0.0, 0.0, "failure", -1.0, None)
    code = ProposerWeights(1.0, 0.0, 0.0, "failure", -1.0, None, boundary=-0.5)
    assert pay(tried, text).rewards == (0.0, 0.75, 0.25, 0.0, -1.0)
    assert pay(tried, code).rewards == (-0.5, 0.75, 0.25, -0.5, -1.0)
    assert pay(tried, code).changed["reward.boundary"] == (True, True)
    assert "reward.boundary" not in pay(tried, text).changed
    assert pay(tried[1:3], code).changed["reward.boundary"] == (False, False)
    assert planted_payment(code).changed["reward.boundary"] == (True, True)


def test_without_a_difficulty_every_task_earns_the_boundary() -> None:
    """The control: whatever can be read as a task is paid alike."""
    weights = ProposerWeights(0.0, 0.0, 0.0, "failure", -1.0, None, boundary=1.0)
    tried = [Tried(str(p), True, p) for p in (0.0, 0.5, 1.0)] + [Tried("no task", False)]
    assert pay(tried, weights).rewards == (1.0, 1.0, 1.0, -1.0)
    assert set(planted_payment(weights).changed) == {"reward.boundary", "reward.format"}
    assert set(planted_payment(weights).changed.values()) == {(True, True)}
