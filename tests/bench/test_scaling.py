"""The benches of the scaling-law search: pieces of work, what is claimed, and how it is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.hidden_laws import MAIN, NOISES, report
from bench.pieces import run_pieces
from bench.scaling_arms import list_pieces, run_arm
from bench.scaling_claims import ARMS, CLAIMS
from bench.scaling_page import render, verdict
from ratchet.core.seeds import Seed
from ratchet.recipes.scaling_laws.config import Config
from ratchet.research.scaling_laws.synthetic import HIDDEN
from ratchet.stats import Interval
from tests.research.conftest import make_parallel


def double(number: int, log: str) -> dict[str, Any]:
    with Path(log).open("a") as file:
        file.write(f"{number}\n")
    return {"twice": 2 * number}


def test_what_is_done_is_kept_and_only_the_rest_is_done_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pieces = {f"deep/{n}": (n, str(log)) for n in range(4)}
    first = run_pieces(double, dict(list(pieces.items())[:2]), tmp_path, 2, 60.0)
    assert {name: r["twice"] for name, r in first.items()} == {"deep/0": 0, "deep/1": 2}
    every = run_pieces(double, pieces, tmp_path, 1, float("inf"))
    assert [r["twice"] for r in every.values()] == [0, 2, 4, 6] and every["deep/0"] == first[
        "deep/0"
    ]
    assert sorted(log.read_text().split()) == ["0", "1", "2", "3"], "none was done twice"


def test_out_of_time_leaves_what_was_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pieces = {str(n): (n, str(tmp_path / "log")) for n in range(3)}
    run_pieces(double, {"0": pieces["0"]}, tmp_path, 1, 60.0)
    found = run_pieces(double, pieces, tmp_path, 1, 0.0)
    assert "0" in found and "out of time" in capsys.readouterr().out


def blur(arm: str, task: int, seed: int) -> float:
    """A little that differs by run."""
    return 0.01 * float(Seed(1).child(arm, task, seed).rng().normal())


TASKS, SEEDS = [f"t{n}" for n in range(8)], (1, 2, 3)


def known(value: Any) -> dict[str, dict[str, Any]]:
    """Results of eight tasks and three seeds by a function of arm, task and seed."""
    return {
        f"t{task}-{arm}-{seed}-9": {"seconds": 1.0, "gap": -v, "r2": v}
        for arm in ARMS
        for task in range(8)
        for seed in SEEDS
        for v in [value(arm, task, seed)]
    }


def test_a_difference_is_told_with_the_sign_that_the_claim_wants() -> None:
    rise = {"form": 0.2, "both": 0.4, "both_holdout": 0.6}
    page = render(
        known(lambda arm, task, seed: rise.get(arm, 0.1) + blur(arm, task, seed)), TASKS, SEEDS, 9
    )
    lines = {line.split(" | ")[0].strip("| "): line for line in page.splitlines()}
    for name in ("both_beats_form_only", "form_only_beats_random", "holdout_selection_narrows_gap"):
        assert "**holds**" in lines[name]
    told = {name: line.split(" | ")[2] for name, line in lines.items() if "**" in line}
    assert float(told["both_beats_form_only"]) == pytest.approx(0.2, abs=0.02)
    assert float(told["holdout_selection_narrows_gap"]) == pytest.approx(-0.2, abs=0.02)
    gap = next(claim for claim in CLAIMS if claim.metric == "gap")
    worse = Interval(0.2, 0.1, 0.3, 6)
    assert verdict(gap, worse) == "fails"
    assert verdict(replace(gap, metric="r2"), worse) == "holds"


def test_a_claim_with_a_run_missing_has_no_verdict() -> None:
    results = known(lambda arm, task, seed: 0.5)
    del results["t1-form-2-9"]
    page = render(results, TASKS, SEEDS, 9)
    lines = [line for line in page.splitlines() if line.startswith("| form_only_beats_random")]
    assert "not measured" in lines[0] and "215 of 216 runs" in page
    assert "| search_beats_human_laws | **" in page, "the others have theirs"


def test_arms_are_judged_on_rows_that_they_never_saw(tmp_path: Path) -> None:
    """The largest scale is spoilt; an arm that had seen it would be disturbed by it."""
    table, laws = make_parallel(), {}
    for spoilt in (0.0, 5.0):
        lines = ["loss,num_params,group,parallel_size"]
        for i, group in enumerate(table.groups):
            n, p = float(table.inputs["n"][i]) * 1e9, float(table.inputs["p"][i])
            y = float(table.targets[i, 0]) + spoilt * (p == 4.0) * (i % 2)
            lines.append(f"{y!r},{n!r},{group},{p!r}")
        folder = tmp_path / str(spoilt)
        folder.mkdir()
        (folder / "parallel.csv").write_text("\n".join(lines))
        laws[spoilt] = run_arm(str(folder / "parallel.csv"), "both", 6, 1)
    assert laws[0.0]["law"] == laws[5.0]["law"] and laws[0.0]["fit"] == laws[5.0]["fit"]
    assert laws[0.0]["r2"] > laws[5.0]["r2"] and laws[0.0]["evaluations"] == 6
    json.dumps(laws)


def test_every_arm_has_every_table_and_seed_once() -> None:
    pieces = list_pieces({"sft": Path("sft.csv"), "moe": Path("moe.csv")}, (1, 2), 9)
    assert len(pieces) == 2 * 2 * len(ARMS) == len(set(pieces.values()))
    assert Config.model_fields["seeds"].default == "all" == ARMS["full"].firsts
    assert ARMS["both_holdout"].firsts == "plain"


def test_recovery_is_told_with_an_interval_and_the_goal() -> None:
    good = {"exact": True, "met": 1, "beyond": 1e-6}
    bad = {"exact": False, "met": 0, "beyond": 0.5}
    found = {
        f"{law.name} {n}": (law.name, MAIN, good if n < 4 or law.name != "power" else bad)
        for law in HIDDEN
        for n in range(5)
    }
    found |= {"x": ("floor", NOISES[0], good), "y": ("power", MAIN, bad)}
    text = report(found)
    assert "| power | 4/6 |" in text and "| floor | 5/5 |" in text
    assert "11 of 12 laws were recovered in at least 80% of runs; the goal is 10." in text
    assert "| 1/1 | 0/0 |" in text
