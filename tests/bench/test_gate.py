"""The gate's bench: its simulation is the gate, and its figures hold on few runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench import gate as bench
from bench.gate_simulation import accumulate, check_gain, decide, of_signs
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
    deployed = accumulate(GATE, 0.04, 0.2, 5, 500, rng)
    alone = decide(GATE, of_signs(0.04, 0.2), 500, rng).promoted.mean()
    assert (deployed > 0).mean() > 0.97 and alone < 0.6
    assert deployed.max() <= 5 and accumulate(GATE, 0.0, 0.2, 5, 500, rng).max() == 0


def test_a_test_ends_at_a_look() -> None:
    made = check_gain(GATE.superiority, of_signs(0.05, 0.2), 500, np.random.default_rng(4))
    assert set(made.items.tolist()) <= set(GATE.superiority.looks())
    assert (made.readings != Reading.OPEN).all()
