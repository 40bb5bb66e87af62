"""The verdict: where the interval lies, look by look, and how often it is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ratchet.claims.claim import Claim, Comparison
from ratchet.claims.verdict import ClaimVerdict, Reading, Word, judge
from ratchet.stats import seed_interval

ARMS: dict[Comparison, tuple[str, ...]] = {
    "treatment > 0": ("a",),
    "treatment not > bound": ("a",),
    "treatment > control": ("a", "b"),
    "treatment not < control": ("a", "b"),
    "order": ("a", "b", "c"),
}


def make_claim(comparison: Comparison = "treatment > 0", smallest: float = 0.1) -> Claim:
    return Claim(
        name="it",
        statement="It is so.",
        source="a test",
        arms=ARMS[comparison],
        metric="gain.mean",
        comparison=comparison,
        smallest_effect=smallest,
    )


def look(claim: Claim, *arms: Sequence[float], looks: int = 1) -> ClaimVerdict:
    readings = {
        name: {seed: Reading(value) for seed, value in enumerate(values, 1)}
        for name, values in zip(claim.arms, arms, strict=True)
    }
    return judge(claim, readings, looks=looks)


def around(mean: float, spread: float = 0.01) -> list[float]:
    """Five values with this mean; the interval's half-width is about 1.8 times the spread."""
    return [mean + spread * step for step in (-1, -0.5, 0, 0.5, 1)]


@pytest.mark.parametrize(
    ("mean", "spread", "gains", "control"),
    [
        (0.30, 0.01, "holds", "fails"),
        (0.11, 0.01, "holds", "fails"),
        (0.05, 0.01, "no effect", "fails"),
        (0.00, 0.01, "no effect", "holds"),
        (-0.05, 0.01, "no effect", "holds"),
        (-0.30, 0.01, "fails", "holds"),
        (-0.05, 0.05, "inconclusive", "holds"),
        (0.00, 0.20, "inconclusive", "inconclusive"),
        (0.15, 0.20, "inconclusive", "inconclusive"),
    ],
)
def test_the_interval_decides(mean: float, spread: float, gains: Word, control: Word) -> None:
    values = around(mean, spread)
    found = look(make_claim(), values)
    assert found.word == gains
    assert look(make_claim("treatment not > bound"), values).word == control
    # The same effect as a difference of two arms that share the luck of their seed.
    luck = np.array([3.0, -2.0, 5.0, 0.0, 1.0])
    both = look(make_claim("treatment > control"), list(luck + values), list(luck))
    assert both.word == gains
    assert both.looks[0].effect == pytest.approx(mean)


@pytest.mark.parametrize(
    ("mean", "spread", "word"),
    [
        (0.30, 0.01, "holds"),
        (0.00, 0.01, "holds"),
        (-0.05, 0.01, "holds"),
        (-0.11, 0.01, "fails"),
        (-0.30, 0.01, "fails"),
        (-0.05, 0.05, "inconclusive"),
        (0.00, 0.20, "inconclusive"),
    ],
)
def test_no_harm_is_non_inferiority(mean: float, spread: float, word: Word) -> None:
    luck = np.array([3.0, -2.0, 5.0, 0.0, 1.0])
    found = look(
        make_claim("treatment not < control"), list(luck + around(mean, spread)), list(luck)
    )
    assert found.word == word
    assert ("no worse by 0.1" in found.reason) == (word == "holds")


def test_the_interval_is_students_at_the_level_of_one_of_three_looks() -> None:
    values = around(0.3, 0.1)
    taken = look(make_claim(), values).looks[0]
    expected = seed_interval(values, 1 - 0.05 / 3)
    assert (taken.effect, taken.low, taken.high) == pytest.approx(
        (expected.mean, expected.low, expected.high)
    )
    assert "over 5 seeds" in look(make_claim(), values).reason


def test_an_order_is_as_strong_as_its_weakest_link() -> None:
    claim = make_claim("order")
    high, middle, low = around(0.9), [0.6] * 5, around(0.3)
    assert look(claim, high, middle, low).word == "holds"
    turned = look(claim, high, low, middle)
    assert turned.word == "fails" and turned.looks[0].effect == pytest.approx(-0.3)
    assert look(claim, high, [v - 0.01 for v in around(0.9, 0.015)], low).word == "no effect"


def test_looks_stop_at_the_first_that_decides() -> None:
    noisy = around(0.2, 0.6)
    later = [0.2, 0.21, 0.19, 0.2, 0.2]
    values = noisy + later * 3
    assert look(make_claim(), values, looks=1).word == "inconclusive"
    found = look(make_claim(), values, looks=3)
    assert [k.seeds for k in found.looks] == [5, 10, 20]
    assert found.word == found.looks[-1].word
    # Decided at five seeds: what comes later is not looked at, even if it says the opposite.
    settled = look(make_claim(), around(0.3) + [-9.0] * 15, looks=3)
    assert settled.word == "holds" and len(settled.looks) == 1


def test_arms_that_end_in_one_state_were_no_experiment() -> None:
    claim = make_claim("treatment > control")

    def among(same: int) -> ClaimVerdict:
        def arm(name: str) -> dict[int, Reading]:
            return {
                seed: Reading(0.5, 0.05, 400, f"{'' if seed <= same else name}{seed}")
                for seed in range(1, 6)
            }

        return judge(claim, {"a": arm("a"), "b": arm("b")}, looks=1)

    assert among(5).word == "not testable at this tier" and among(5).looks[0].same == 5
    assert "each of 5 seeds" in among(5).reason
    assert among(3).word == "no effect" and "the very same state under 3 of them" in among(3).reason
    assert among(0).looks[0].same == 0 and "same state" not in among(0).reason
    unknown = {arm: {seed: Reading(0.5, 0.05, 400) for seed in range(1, 6)} for arm in "ab"}
    assert judge(claim, unknown, looks=1).word == "no effect"


def test_a_missing_run_makes_it_inconclusive_by_name() -> None:
    claim = make_claim("treatment > control")
    readings = {
        "a": {seed: Reading(0.9 + seed / 100) for seed in range(1, 6)},
        "b": {seed: Reading(0.1) for seed in (1, 2, 4, 5)},
    }
    found = judge(claim, readings, looks=3, missing={"b-seed3": "exit code 1: it fell"})
    assert found.word == "inconclusive" and not found.looks
    assert "b-seed3: exit code 1: it fell" in found.reason
    assert "b-seed1" not in found.reason
    assert judge(claim, {}, looks=0).reason == "not looked at yet"


def test_seeds_that_agree_to_the_digit_are_as_sure_as_their_items_allow() -> None:
    claim = make_claim("treatment not > bound", smallest=0.03)

    def of_items(half: float) -> ClaimVerdict:
        same = {seed: Reading(0.0, half, 100) for seed in range(1, 6)}
        return judge(claim, {"a": same}, looks=1)

    assert of_items(0.01).word == "holds"
    assert of_items(0.05).word == "inconclusive"
    pair = make_claim("treatment > control", smallest=0.02)

    def of_pairs(items: int) -> Word:
        same = {seed: Reading(0.8, 0.04, items) for seed in range(1, 6)}
        return judge(pair, {"a": same, "b": same}, looks=1).word

    assert of_pairs(400) == "no effect"
    assert of_pairs(40) == "inconclusive"


def _share(word: Word, claim: Claim, mean: float, sd: float, looks: int = 3, n: int = 800) -> float:
    rng = np.random.default_rng(5)
    draws = rng.normal(mean, sd, size=(n, 20))
    return float(np.mean([look(claim, list(row), looks=looks).word == word for row in draws]))


def test_without_an_effect_it_seldom_holds_over_three_looks() -> None:
    share = _share("holds", make_claim(smallest=0.01), 0.0, 1.0, n=3000)
    # At most 0.025 by Bonferroni: three looks, each one-sided at 0.05 / 6.
    assert 0.008 < share <= 0.025 + 0.006
    assert _share("fails", make_claim(smallest=0.01), 0.0, 1.0) <= 0.04
    assert _share("fails", make_claim("treatment not > bound"), 0.0, 1.0) <= 0.04


def test_an_effect_at_the_smallest_of_interest_is_seldom_denied() -> None:
    claim = make_claim(smallest=1.0)
    assert _share("no effect", claim, 1.0, 0.5) <= 0.04
    assert _share("holds", make_claim("treatment not > bound", smallest=1.0), 1.0, 0.5) <= 0.04


def test_a_large_effect_holds_at_the_first_look() -> None:
    assert _share("holds", make_claim(), 1.0, 0.2, looks=1, n=200) > 0.98


def test_a_tiny_effect_is_called_none_when_there_are_many_seeds() -> None:
    claim = make_claim(smallest=0.1)
    assert _share("no effect", claim, 0.0, 0.08, looks=3, n=200) > 0.9
    assert _share("no effect", claim, 0.0, 0.08, looks=1, n=200) < 0.5


FLIP = Claim(
    name="flip",
    statement="s",
    source="ours",
    arms=("a", "b", "c", "d"),
    metric="gain.mean",
    comparison="flip",
    smallest_effect=0.03,
    seeds=(5,),
)


@pytest.mark.parametrize(
    ("means", "word"),
    [
        ((0.6, 0.4, 0.3, 0.5), "holds"),
        ((0.6, 0.4, 0.5, 0.3), "fails"),
        ((0.4, 0.6, 0.3, 0.5), "fails"),
        ((0.6, 0.4, 0.5, 0.5), "no effect"),
    ],
)
def test_a_flip_needs_both_signs(means: tuple[float, ...], word: str) -> None:
    readings = {
        arm: {seed: Reading(mean + 0.001 * ((seed * (i + 1)) % 3)) for seed in range(1, 6)}
        for i, (arm, mean) in enumerate(zip("abcd", means, strict=True))
    }
    assert judge(FLIP, readings, looks=1).word == word


@pytest.mark.parametrize(("share", "word"), [(1.0, "fails"), (0.25, "holds"), (0.5, "no effect")])
def test_a_control_may_count_in_part(share: float, word: str) -> None:
    claim = replace(FLIP, arms=("a", "b"), comparison="treatment > control", share=share)
    readings = {
        arm: {seed: Reading(mean + 0.001 * (seed % 2)) for seed in range(1, 6)}
        for arm, mean in (("a", 0.1), ("b", 0.2))
    }
    assert judge(claim, readings, looks=1).word == word
