"""Claims that cannot be tested are refused when they are written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ratchet.claims import Arm, Claim, Claims
from ratchet.claims.metric import check_metric, read_metric
from ratchet.core.errors import ConfigError
from ratchet.recipes.toy_policy.claims import CLAIMS

CLAIM = Claim(
    name="learns",
    statement="It learns.",
    source="ours",
    arms=("base",),
    metric="gain.mean",
    comparison="treatment > 0",
    smallest_effect=0.02,
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"arms": ("base", "other")}, "takes 1 arm"),
        ({"comparison": "treatment > control"}, "takes 2 arms"),
        ({"comparison": "order"}, "takes 2 arms or more"),
        ({"smallest_effect": 0.0}, "must be above 0"),
        ({"seeds": (10, 5)}, "must rise"),
        ({"seeds": (1, 5)}, "must rise"),
        ({"testable": ("gpu",)}, "say why"),
    ],
)
def test_a_claim_without_a_test_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        replace(CLAIM, **change)


def test_arms_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"no arm 'base' \(did you mean 'bass'\?\)"):
        Claims((Arm("bass"),), (CLAIM,))
    with pytest.raises(ConfigError, match="two arms are called 'base'"):
        Claims((Arm("base"), Arm("base")), (CLAIM,))
    with pytest.raises(ConfigError, match="two claims are called 'learns'"):
        Claims((Arm("base"),), (CLAIM, CLAIM))
    with pytest.raises(ConfigError, match="sets seed"):
        Arm("base", {"seed": 3})
    with pytest.raises(ConfigError, match="no name for an arm"):
        Arm("../base")


def test_every_part_of_a_claim_is_in_its_hash() -> None:
    first = Claims((Arm("base"),), (CLAIM,))
    assert first.hash == Claims((Arm("base"),), (replace(CLAIM),)).hash
    others = [
        Claims((Arm("base", {"generations": 3}),), (CLAIM,)),
        *(
            Claims((Arm("base"),), (replace(CLAIM, **change),))
            for change in (
                {"statement": "It learns a little."},
                {"metric": "gain.low"},
                {"smallest_effect": 0.021},
                {"seeds": (5, 10)},
            )
        ),
    ]
    assert len({first.hash, *(other.hash for other in others)}) == 6


@pytest.mark.parametrize(
    "path",
    ["gain.mean", "last_candidate.gains.same_procedure.mean", "families.carry.final", "findings"]
    + [claim.metric for claim in CLAIMS.claims],
)
def test_a_metric_in_the_schema_is_taken(path: str) -> None:
    check_metric(path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("gian.mean", "did you mean 'gain'"),
        ("gain", "is no number"),
        ("gain.mean.mean", "below a number"),
        ("status", "is no number"),
        ("last_candidate.gains.same", "no 'last_candidate.gains.same'"),
    ],
)
def test_a_metric_that_no_report_has_is_refused(path: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_metric(path)


def test_a_metric_is_read_with_its_interval() -> None:
    report = {"gain": {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 50}, "final": None, "findings": 3}
    reading = read_metric(report, "gain.mean")
    assert reading is not None
    assert (reading.value, reading.items) == (0.5, 50)
    assert reading.half_width == pytest.approx(0.1)
    assert read_metric(report, "final.score.mean") is None
    plain = read_metric(report, "findings")
    assert plain is not None and (plain.value, plain.half_width) == (3.0, 0.0)


def test_a_metric_may_be_a_difference() -> None:
    report = {"course": {"alarms": {"a": 7, "b": 3}}}
    path = "course.alarms.a - course.alarms.b"
    check_metric(path)
    found = read_metric(report, path)
    assert found is not None and found.value == 4.0
    assert read_metric(report, "course.alarms.a - course.alarms.c") is None
    with pytest.raises(ConfigError, match="corse"):
        check_metric("course.alarms.a - corse.alarms.b")


def test_a_share_of_one_leaves_the_hash_as_it_was() -> None:
    """Claims were fixed under hashes before there were shares."""
    from ratchet.core.codec import hash_data, to_data

    claim = Claim(
        name="x",
        statement="s",
        source="ours",
        arms=("a",),
        metric="gain.mean",
        comparison="treatment > 0",
        smallest_effect=0.1,
    )
    claims = Claims((Arm("a"),), (claim,))
    data = to_data(claims)
    del data["claims"][0]["share"]
    assert claims.hash == hash_data(data)
    assert Claims((Arm("a"),), (replace(claim, share=0.5),)).hash != claims.hash
