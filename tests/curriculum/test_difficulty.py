"""What difficulty is paid, at the ends and between, and what k attempts make of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ratchet.curriculum.difficulty import (
    DIFFICULTIES,
    band,
    describe_moments,
    expected,
    failure,
    learnability,
    lesser_share,
    reachable,
    uncertainty,
    variance,
)

PAGE = Path(__file__).parents[2] / "docs" / "curriculum.md"


@pytest.mark.parametrize(
    ("p", "unsure", "learnable", "within", "lesser"),
    [
        (0, 0, 0, 0, 0),
        (0.1, 0.2, 0.36, 0, 0.1),
        (0.25, 0.5, 0.75, 0, 0.25),
        (0.3, 0.6, 0.84, 1, 0.3),
        (0.5, 1, 1, 1, 0.5),
        (0.75, 0.5, 0.75, 1, 0.25),
        (0.8, 0.4, 0.64, 1, 0.2),
        (1, 0, 0, 0, 0),
    ],
)
def test_rewards_at_the_ends_and_between(
    p: float, unsure: float, learnable: float, within: float, lesser: float
) -> None:
    found = (uncertainty(p), learnability(p), band(p), lesser_share(p))
    assert found == pytest.approx((unsure, learnable, within, lesser))


@pytest.mark.parametrize("name", DIFFICULTIES)
def test_nothing_is_paid_for_what_is_always_or_never_solved(name: str) -> None:
    reward = DIFFICULTIES[name]
    assert reward(0.0) == reward(1.0) == 0.0 < reward(0.5)
    for p in (0.0, 1.0):
        assert expected(reward, p, 4) == variance(reward, p, 4) == 0.0


@pytest.mark.parametrize("k", [1, 2, 4, 10])
@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_learnability_is_paid_too_little_by_one_in_k(p: float, k: int) -> None:
    assert expected(learnability, p, k) == pytest.approx((1 - 1 / k) * learnability(p))


@pytest.mark.parametrize(
    ("p", "paid"), [(0.0, 0.0), (0.1, 0.9), (0.5, 0.5), (0.9, 0.1), (1.0, 0.0)]
)
def test_failure_is_paid_most_for_what_is_hardly_ever_solved(p: float, paid: float) -> None:
    assert failure(p) == pytest.approx(paid)


def test_moments_of_two_attempts_by_hand() -> None:
    """c is 0, 1, 2 with chances 9/16, 6/16, 1/16; only c = 1 earns."""
    assert expected(uncertainty, 0.25, 2) == pytest.approx(6 / 16)
    assert variance(uncertainty, 0.25, 2) == pytest.approx(6 / 16 - (6 / 16) ** 2)
    assert expected(lesser_share, 0.25, 2) == pytest.approx(3 / 16)


@pytest.mark.parametrize("name", DIFFICULTIES)
def test_moments_are_those_of_many_draws(name: str) -> None:
    reward = DIFFICULTIES[name]
    paid = [reward(c / 8) for c in np.random.default_rng(1).binomial(8, 0.4, 20_000)]
    assert expected(reward, 0.4, 8) == pytest.approx(np.mean(paid), abs=0.01)
    assert variance(reward, 0.4, 8) == pytest.approx(np.var(paid), abs=0.01)


def test_some_bands_are_never_met() -> None:
    assert reachable(0.3, 0.45, 4) == [] and expected(lambda p: band(p, 0.3, 0.45), 0.4, 4) == 0
    assert reachable(0.3, 0.8, 4) == [0.5, 0.75]
    assert reachable(0.25, 0.75, 4) == [0.25, 0.5, 0.75]
    assert len(reachable(0.3, 0.8, 10)) == 6 and len(reachable(0.25, 0.75, 10)) == 5


@pytest.mark.parametrize(("p", "k"), [(-0.1, 4), (1.1, 4), (0.5, 0)])
def test_moments_of_nothing_are_refused(p: float, k: int) -> None:
    with pytest.raises(ValueError, match="pass rate"):
        expected(uncertainty, p, k)


def test_the_page_has_the_table_that_is_computed() -> None:
    assert describe_moments() in PAGE.read_text("utf-8")
