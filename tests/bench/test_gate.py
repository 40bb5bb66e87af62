"""The gate's bench: its simulation is the gate, and its figures hold on few runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench import gate as bench
from bench.gate_simulation import all_round, check_gain, decide, follow, lopsided, of_signs
from bench.gate_text import draw_power, write_text
from ratchet.core.evidence import Verb
from ratchet.core.seeds import Seed
from ratchet.loop.gate import History
from ratchet.loop.sequential_gate import SequentialGate
from ratchet.stats import Reading
from tests.loop.sources import FAMILIES, Source, alike, at_random

GATE = SequentialGate(bench.STANDARD, FAMILIES)


@pytest.fixture(scope="module")
def data() -> bench.Data:
    return bench.measure(runs=300, seed=3)


def test_every_bar_is_met_with_room_for_few_runs(data: bench.Data) -> None:
    assert set(data["bars"]) == set(bench.BARS)
    assert all(bar["met"] for bar in data["bars"].values())
    assert data["false_promotion"] <= 0.05 and data["power_plus10_within_800"] > 0.97
    assert max(row["any_promoted"] for row in data["useless"]) <= data["false_promotion"]


def test_the_naive_gate_is_as_bad_as_it_is(data: bench.Data) -> None:
    assert all(row["naive_any"] > 0.99 for row in data["useless"])
    assert all(row["interval_any"] > 0.25 for row in data["useless"])
    assert all(row["naive_blocked"] < 0.05 for row in data["hidden"])


def test_text_json_and_picture_show_all_of_it(data: bench.Data, tmp_path: Path) -> None:
    text = write_text(data)
    assert "ok     power_plus10" in text and "MISSED" not in text and "small: useless" in text
    assert json.loads(json.dumps(data)) == data
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    draw_power(data["power"], first)
    draw_power(data["power"], second)
    assert first.read_bytes() == second.read_bytes() and b"0.45" in text.encode()


def test_the_simulation_decides_as_the_gate_does() -> None:
    """The same candidates through the gate itself, one by one."""
    verbs, items, own = [], [], []
    for seed in range(60):
        source = Source(at_random({**alike(0.11), "f0": -0.08}, 0.2, seed))
        decision, _ = GATE.decide(source, [], History(), Seed(seed))
        verbs.append(decision.verb)
        items.append(decision.measures["items"])
        own.append(decision.measures.get("capability_items", 0.0))
    truth = of_signs(np.array([-0.08, *[0.11] * 7]), 0.2)
    made = decide(GATE, truth, 4000, np.random.default_rng(1))
    assert np.mean(items) == pytest.approx(made.items.mean(), rel=0.12)
    assert np.mean(own) == pytest.approx(made.capability_items.mean(), rel=0.12)
    rate = float(np.mean([verb is Verb.PROMOTE for verb in verbs]))
    assert rate == pytest.approx(float(made.promoted.mean()), abs=0.15)


def test_without_adding_up_the_same_gains_are_promoted_less() -> None:
    rng = np.random.default_rng(2)
    made = follow(GATE, [0.04] * 5, all_round(0.2), 500, rng)
    alone = decide(GATE, of_signs(0.04, 0.2), 500, rng).promoted.mean()
    assert (made.deployed > 0).mean() > 0.97 and alone < 0.6
    assert made.deployed.max() <= 0.2 + 1e-9 and (made.deployed <= made.made + 1e-9).all()
    assert follow(GATE, [0.0] * 5, all_round(0.2), 500, rng).promotions.max() == 0


def test_a_lopsided_candidate_gains_and_differs_as_much_as_it_says() -> None:
    truth = lopsided(0.08)(np.array([0.05]))
    mean = (truth.chance * truth.values).sum(axis=-1)[0]
    assert mean.mean() == pytest.approx(0.05) and (mean > 0).sum() == 4
    differ = 1.0 - truth.chance[0, :, 1]
    assert differ.mean() == pytest.approx(0.05 + 0.08) and (differ > 0).sum() == 5


def test_the_small_charter_does_what_its_page_says(data: bench.Data) -> None:
    """Figures of few runs, with room: what the small terms were chosen for."""
    small = data["small"]
    assert small["terms"] == bench.SMALL.model_dump() and bench.SMALL != bench.STANDARD
    courses = small["courses"]
    made = [row for row in courses if row["course"].startswith("+7")]
    assert max(row["none_promoted"] for row in made) < 0.02
    assert min(row["points_deployed"] / row["points_made"] for row in made) > 0.75
    assert max(row["anchors_per_decision"] for row in courses) < 625
    assert all(row["none_promoted"] > 0.95 for row in courses if row["course"] == "none")
    assert max(row["any_shown_better"] for row in small["useless"]) <= 0.05
    off = [row for row in small["hidden"] if row["loss"] == 0.2]
    assert off and min(row["blocked"] for row in off) > 0.9


def test_a_test_ends_at_a_look() -> None:
    made = check_gain(GATE.superiority, of_signs(0.05, 0.2), 500, np.random.default_rng(4))
    assert set(made.items.tolist()) <= set(GATE.superiority.looks())
    assert (made.readings != Reading.OPEN).all()
