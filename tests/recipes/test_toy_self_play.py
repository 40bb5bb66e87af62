"""The studies of theory: what they return, and that every claim finds its number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ratchet.claims.metric import read_metric
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.curriculum.memoriser import Round
from ratchet.diagnose.information_gain import STOP, LearnableGain
from ratchet.loop.versions import Store
from ratchet.recipes.toy_self_play.claims import CLAIMS
from ratchet.recipes.toy_self_play.recipe import Config, ToySelfPlay
from ratchet.recipes.toy_self_play.studies import watch


def test_every_claim_finds_its_number_in_the_epilogue(tmp_path: Path) -> None:
    config = Config(
        recipe="toy_self_play", charter="arithmetic", observers=(2, 8, 16), imitation_rounds=1
    )
    epilogue = ToySelfPlay(config, Store(tmp_path)).epilogue(State({}), State({}))
    report = {"epilogue": epilogue}
    for claim in CLAIMS.claims:
        assert read_metric(report, claim.metric) is not None
    gain, bits = epilogue["gain"], epilogue["epiplexity"]
    assert gain["lead"] == gain["peak"] - gain["alarm"] and gain["lost"] >= 0.0
    assert {gain["asked_stops"]} <= {0.0, 1.0} and 0.0 <= gain["asked_lost_improving"] < 1.0
    assert bits["rise"] == max(bits[f"bits_{w}"] for w in (2, 8, 16)) - bits["bits_2"]
    assert epilogue["imitation"]["difference"] > 0.0


def test_a_course_is_watched_to_its_end_and_the_cost_of_a_stop_told() -> None:
    """Two kinds of questions, then the second for ever, while the score goes on rising."""
    rng = Seed(1).rng()
    kinds = [
        tuple((f"{a} + {b}", str(a + b)) for a, b in rng.integers(10, 99, (40, 2)).tolist()),
        tuple((f"what is {a} of {b}", "x") for a, b in rng.integers(10, 99, (40, 2)).tolist()),
    ]
    rounds = [Round(kinds[min(n, 1)], 0.1 * (n + 1)) for n in range(6)]
    course = watch(rounds, LearnableGain())
    assert course.stop == 4 and course.peak == 6 and len(course.gains) == 5
    assert abs(course.lost - 0.2) < 1e-9
    assert watch(rounds[:3], LearnableGain()).stop is None
    held = [replace(one, held=(0.5 - 0.05 * n,) * 32) for n, one in enumerate(rounds)]
    assert watch(rounds, STOP).stop is None and watch(held, STOP).stop == 6
