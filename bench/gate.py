"""What the gate gets wrong and what it finds, by simulation: ``python -m bench.gate [--json]``.

Every figure comes from one configuration, the standard terms, but for the tables of the small one;
both are read from the charters that ship. Candidates are made up, with known truth; differences are
-1, 0 and 1 unless said otherwise; eight capabilities of equal weight.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench.gate_simulation import (
    Truth,
    all_round,
    check_capabilities,
    check_gain,
    compare_means,
    decide,
    follow,
    lopsided,
    of_signs,
)
from bench.gate_text import draw_power, write_text
from ratchet.guard.charter import Charter, find_charter
from ratchet.guard.terms import GateTerms
from ratchet.loop.sequential_gate import SequentialGate
from ratchet.stats import Reading, Standing, adaptive_log_wealth, noninferiority_power


def _terms_of(charter: str) -> GateTerms:
    terms = Charter.read(find_charter(charter)).gate
    assert terms is not None
    return terms


STANDARD = _terms_of("arithmetic_standard")
SMALL = _terms_of("arithmetic_small")
"""For five to ten generations of a small model on two cores."""
FAMILIES = tuple(f"capability {n}" for n in range(1, 9))
DISCORDANCE = (0.1, 0.2, 0.3, 0.45)
GAINS = (0.02, 0.04, 0.06, 0.1)
COURSES = {
    "+7, then +3, +3, +3, +2": (0.07, 0.03, 0.03, 0.03, 0.02),
    "+3 each": (0.03,) * 5,
    "none": (0.0,) * 5,
}
SWAPS = (0.02, 0.08, 0.15)
NAIVE_ITEMS = 400
BARS = {
    "false_promotion": ("<=", 0.05),
    "power_plus10": (">=", 0.75),
    "power_plus10_within_800": (">=", 0.95),
    "accumulated": (">=", 0.9),
    "hidden_regression_blocked": (">=", 0.9),
    "all_round_plus10_promoted": (">=", 0.8),
}

Data = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Run the bench and print it; exit with 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--runs", type=int, default=10_000, help="simulated runs behind each figure"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--figure", type=Path, help="write the picture of power to this SVG")
    given = parser.parse_args(arguments)
    data = measure(given.runs, given.seed)
    if given.figure:
        draw_power(data["power"], given.figure)
    sys.stdout.write(json.dumps(data, indent=1) + "\n" if given.json else write_text(data))
    return 0 if all(bar["met"] for bar in data["bars"].values()) else 1


def measure(runs: int, seed: int) -> Data:
    """Return all figures as plain data."""
    rng = np.random.default_rng(seed)
    gate = SequentialGate(STANDARD, FAMILIES)
    useless = measure_useless(gate, runs, rng)
    power = measure_power(gate, runs, rng)
    hidden = measure_hidden(gate, runs, rng)
    round_ = measure_all_round(gate, runs, rng)
    adding_up = measure_accumulation(gate, runs, rng)
    ten = next(r for r in power if r["discordance"] == 0.2 and r["gain"] == 0.1)
    ten_off = [row for row in hidden if row["loss"] == 0.1]
    data: Data = {
        "false_promotion": max(row["any_shown_better"] for row in useless),
        "power_plus10": ten["within_400"],
        "power_plus10_within_800": ten["within_800"],
        "accumulated": adding_up[0]["any"],
        "hidden_regression_blocked": min(row["blocked"] for row in ten_off),
        "all_round_plus10_promoted": round_[0]["promoted"],
    }
    data["bars"] = {
        name: {
            "bar": f"{sign} {bar}",
            "met": data[name] <= bar if sign == "<=" else data[name] >= bar,
        }
        for name, (sign, bar) in BARS.items()
    }
    return data | {
        "runs": runs,
        "seed": seed,
        "terms": STANDARD.model_dump(),
        "useless": useless,
        "power": power,
        "hidden": hidden,
        "all_round": round_,
        "accumulation": adding_up,
        "harm": measure_harm(gate, runs, rng),
        "bets": compare_bets(gate, max(runs // 4, 100), rng),
        "courses": measure_courses(gate, runs, rng),
        "small": measure_small(runs, rng),
    }


def measure_small(runs: int, rng: np.random.Generator) -> Data:
    """Return the tables of the small configuration."""
    gate = SequentialGate(SMALL, FAMILIES)
    return {
        "terms": SMALL.model_dump(),
        "useless": measure_useless(gate, runs, rng),
        "power": measure_power(gate, runs, rng),
        "all_round": measure_all_round(gate, runs, rng),
        "hidden": measure_hidden(gate, runs, rng),
        "accumulation": measure_accumulation(gate, runs, rng),
        "courses": measure_courses(gate, runs, rng),
        "harm": measure_harm(gate, runs, rng),
    }


def measure_useless(gate: SequentialGate, runs: int, rng: np.random.Generator) -> list[Data]:
    """No true gain in any test of a run: how often is anything promoted?"""
    tests = gate.terms.tests
    truths = {f"{d:g} of items differ": of_signs(0.0, d) for d in DISCORDANCE}
    graded = np.array([[0.2, 0.0, 0.8], [0.8, 0.0, 0.2]])
    truths["graded: many small gains, few losses"] = _graded([-1.0, 0.0, 0.25], graded[0])
    truths["graded: many small losses, few gains"] = _graded([-0.25, 0.0, 1.0], graded[1])
    rows = []
    for name, truth in truths.items():
        made = decide(gate, truth, runs * tests, rng)
        means, errors = compare_means(truth, NAIVE_ITEMS, runs * tests, rng)
        rows.append(
            {
                "candidates": name,
                "any_shown_better": _any(made.better, tests),
                "any_promoted": _any(made.promoted, tests),
                "anchors_per_test": float((made.items + made.capability_items).mean()),
                "called_worse_per_test": float((made.worse & ~made.better).mean()),
                "naive_any": _any(means > 0, tests),
                "interval_any": _any(means > 1.96 * errors, tests),
            }
        )
    return rows


def measure_power(gate: SequentialGate, runs: int, rng: np.random.Generator) -> list[Data]:
    """One test of a true gain: how often, and by when, is it shown?"""
    rows = []
    for discordance in DISCORDANCE:
        for gain in GAINS:
            truth = of_signs(gain, discordance)
            made = check_gain(gate.superiority, truth, runs, rng)
            better = made.readings == Reading.BETTER
            means, _ = compare_means(truth, NAIVE_ITEMS, runs, rng)
            row = {"discordance": discordance, "gain": gain}
            looks = (gate.terms.ordinary, 2 * gate.terms.ordinary)
            row |= {f"within_{n}": float((better & (made.items <= n)).mean()) for n in looks}
            row |= {"by_the_cap": float(better.mean()), "anchors": float(made.items.mean())}
            rows.append(row | {"naive": float((means > 0).mean())})
    return rows


def measure_hidden(gate: SequentialGate, runs: int, rng: np.random.Generator) -> list[Data]:
    """One of eight capabilities loses, the mean gains 10 points: how often is it stopped?

    Among candidates whose gain was shown; all others are stopped anyway.
    """
    rows = []
    for loss, discordance in ((0.05, 0.2), (0.1, 0.1), (0.1, 0.2), (0.1, 0.4), (0.2, 0.25)):
        rest = (0.8 + loss) / 7
        truth = of_signs(np.array([-loss, *[rest] * 7]), np.array([discordance, *[0.2] * 7]))
        standing, items = check_capabilities(gate.noninferiority, truth, runs, rng)
        means, _ = compare_means(truth, NAIVE_ITEMS, runs, rng)
        rows.append(
            {
                "loss": loss,
                "discordance": discordance,
                "blocked": 1.0 - float((standing == Standing.KEPT).all(axis=1).mean()),
                "named": float((standing[:, 0] == Standing.LOST).mean()),
                "capability_anchors": float(items.mean()),
                "naive_blocked": float((means <= 0).mean()),
            }
        )
    return rows


def measure_all_round(gate: SequentialGate, runs: int, rng: np.random.Generator) -> list[Data]:
    """Every capability gains alike, or half of them: how often is the candidate promoted?"""
    alike = {f"+{100 * g:g} in all": (g, 0.2) for g in (0.1, 0.04, 0.06, 0.15)}
    half = np.array([0.2] * 4 + [0.0] * 4)
    shapes: dict[str, tuple[Any, float]] = {
        **alike,
        "+10 in all, 0.3 differ": (0.1, 0.3),
        "+20 in half, 0 in half": (half, 0.2),
    }
    rows = []
    for name, (gain, discordance) in shapes.items():
        differ = np.maximum(discordance, np.abs(gain))
        made = decide(gate, of_signs(gain, differ), runs, rng)
        power = noninferiority_power(gate.noninferiority, differ * np.ones(8), rng=rng, runs=runs)
        rows.append(
            {
                "candidates": name,
                "shown_better": float(made.better.mean()),
                "promoted": float(made.promoted.mean()),
                "anchors": float(made.items.mean()),
                "capability_anchors": _mean(made.capability_items[made.better]),
                "power_if_nothing_lost": power,
            }
        )
    return rows


def measure_accumulation(gate: SequentialGate, runs: int, rng: np.random.Generator) -> list[Data]:
    """Five generations of equal gains, 20% of items differing: how much is deployed at the end?"""
    rows = []
    for gain in (0.04, 0.02, 0.06):
        made = follow(gate, [gain] * 5, all_round(0.2), runs, rng)
        deployed = np.rint(made.deployed / gain)
        rows.append(
            {
                "gain": gain,
                "any": float((deployed > 0).mean()),
                "three_or_more": float((deployed >= 3).mean()),
                "all_five": float((deployed == 5).mean()),
                "points_deployed": float(100 * made.deployed.mean()),
                "points_made": 500 * gain,
            }
        )
    return rows


def measure_courses(gate: SequentialGate, runs: int, rng: np.random.Generator) -> list[Data]:
    """Whole runs as ``agent0`` has them: half of the capabilities gain, some items swap."""
    rows = []
    for name, gains in COURSES.items():
        for swaps in SWAPS:
            made = follow(gate, gains, lopsided(swaps), runs, rng)
            rows.append(
                {
                    "course": name,
                    "swaps": swaps,
                    "none_promoted": float((made.promotions == 0).mean()),
                    "promotions": float(made.promotions.mean()),
                    "points_deployed": float(100 * made.deployed.mean()),
                    "points_made": float(100 * made.made.mean()),
                    "anchors_per_decision": float(made.anchors.mean() / len(gains)),
                }
            )
    return rows


def measure_harm(gate: SequentialGate, runs: int, rng: np.random.Generator) -> list[Data]:
    """A candidate that is worse on the whole: how often is it rejected for that?"""
    rows = []
    for loss in (0.0, 0.02, 0.05, 0.1):
        made = check_gain(gate.superiority, of_signs(-loss, 0.2), runs, rng)
        worse = made.readings == Reading.WORSE
        rows.append(
            {
                "loss": loss,
                "rejected_as_worse": float(worse.mean()),
                "shown_better": float((made.readings == Reading.BETTER).mean()),
                "anchors": float(made.items.mean()),
            }
        )
    return rows


def compare_bets(gate: SequentialGate, runs: int, rng: np.random.Generator) -> list[Data]:
    """The mixture of stakes beside one that follows the data and one that knows the truth."""
    plan = gate.superiority
    needed = -np.log(plan.alpha)
    rows = []
    for discordance, gain in ((0.2, 0.1), (0.2, 0.04), (0.45, 0.1)):
        chance = of_signs(gain, discordance).chance[0]
        values = rng.choice([-1.0, 0.0, 1.0], p=chance, size=(runs, plan.cap))
        known = np.log1p(gain / discordance * values).cumsum(axis=1)
        made = check_gain(plan, of_signs(gain, discordance), runs, rng)
        better = made.readings == Reading.BETTER
        for name, wealth in (("follows the data", adaptive_log_wealth(values)), ("knows", known)):
            reached = np.maximum.accumulate(wealth, axis=1) >= needed
            rows.append(
                _bet(name, discordance, gain, [reached[:, n - 1] for n in (400, 800, 1600)])
            )
        at = [better & (made.items <= n) for n in (400, 800, 1600)]
        rows.append(_bet("mixture", discordance, gain, at))
    return rows


def _bet(name: str, discordance: float, gain: float, shown: list[Any]) -> Data:
    within = {f"within_{n}": float(s.mean()) for n, s in zip((400, 800, 1600), shown, strict=True)}
    return {"bet": name, "discordance": discordance, "gain": gain, **within}


def _graded(values: list[float], chance: Any) -> Truth:
    return Truth(np.array(values), np.tile(chance, (len(FAMILIES), 1)))


def _any(happened: Any, tests: int) -> float:
    return float(happened.reshape(-1, tests).any(axis=1).mean())


def _mean(values: Any) -> float:
    return float(values.mean()) if values.size else 0.0


if __name__ == "__main__":
    raise SystemExit(main())
