"""Roles, their KL, and the recipes of one family, on the actor."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.core.codec import from_data
from ratchet.core.errors import ConfigError
from ratchet.core.state import State
from ratchet.recipes.coevolution.phases import CoEvolution
from ratchet.recipes.coevolution.profiles import PROFILES, difference_table
from ratchet.recipes.launch import find_method
from tests.recipes.conftest import (
    ROOT,
    SMALL,
    Played,
    Run,
    SharedActor,
    configure,
    dead,
    read_ledger,
)

ONE: dict[str, Any] = {"generations": 1, "quality_texts": 0}
SHARED: dict[str, Any] = {"roles": "shared", **ONE}


def test_roles_are_two_policies_or_one(play: Run, folder: Any) -> None:
    report = play(type("Shared", (Played,), {"actor": SharedActor}), **SHARED)
    assert report["status"] == "completed" and dead(report) == []
    assert report["liveness"]["learner.solver"] == report["liveness"]["learner.proposer"] == "live"
    (start,), (body,) = read_ledger(folder, "start"), read_ledger(folder, "generation")
    before, after = from_data(State, start["initial"]), from_data(State, body["candidate"])
    assert set(before) == {"solver", "solver.optimiser", "pool"}
    assert before["solver"] != after["solver"]


@pytest.mark.parametrize(("role", "other"), [("solver", "proposer"), ("proposer", "solver")])
def test_a_role_is_held_to_its_own_first_state(role: str, other: str, play: Run) -> None:
    settings = {f"{role}_kl": 0.5, "proposer_steps": 2}
    report = play(**ONE, **settings)
    assert dead(report) == [] and report["liveness"][f"kl.{role}"] == "live"
    assert f"kl.{other}" not in report["liveness"]
    assert (report["generations"][0]["measures"]["kl"] > 0) == (role == "solver")


def test_a_strong_kl_keeps_a_policy_where_it_was(play: Run, folder: Any) -> None:
    """Pulled by nothing else than its first state, the solver learns less."""
    report = play(solver_kl=50.0, proposer="frozen", **ONE)
    pulled = report["generations"][0]["measures"]["kl"]
    assert report["liveness"]["kl.solver"] == "live" and 0.0 < pulled < 0.1


@pytest.mark.parametrize("role", ["solver", "proposer"])
def test_a_kl_that_is_not_wired_is_named(
    role: str, play: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CoEvolution, "with_reference", lambda recipe, role, update: update)
    assert dead(play(**ONE, **{f"{role}_kl": 0.01})) == [f"kl.{role}"]


def test_the_page_of_profiles_is_the_generated_one() -> None:
    assert difference_table() in (ROOT / "docs" / "profiles.md").read_text("utf-8")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("recipe", ["agent0", "r_zero"])
def test_a_profile_wins_over_the_tier_and_yields_to_the_user(profile: str, recipe: str) -> None:
    method = find_method(recipe)
    plain = method.configure("tiny")
    config: Any = method.configure("tiny", profile=profile, attempts=4)
    assert config.attempts == 4 and config.labels == "plurality"
    assert config.difficulty == PROFILES[profile]["difficulty"]
    assert config.weights.invalid == PROFILES[profile]["invalid"]
    assert (config.weights.floor is None) == (profile == "release")
    assert config.band_low == PROFILES[profile]["band_low"]
    assert config.generations == plain.generations
    assert config.rule == ("adpo" if recipe == "agent0" else "grpo")
    assert config.weights.tool == (PROFILES[profile]["tool_use"] if recipe == "agent0" else 0.0)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_run_by_a_profile_is_alive(profile: str, play: Run) -> None:
    given = {k: v for k, v in SMALL.items() if k != "attempts"}
    found = find_method("agent0").configure("tiny", **{**given, **ONE, "profile": profile})
    settings = found.model_dump(exclude={"recipe", "tier"})
    report = play(**settings)
    assert report["status"] == "completed" and dead(report) == []
    assert {"kl.solver", "kl.proposer"} <= set(report["liveness"])
    assert ("reward.floor" in report["liveness"]) == (profile == "paper")


def test_a_band_that_no_pass_rate_meets_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no pass rate of 4 attempts.*0\.3 to 0\.45"):
        configure(attempts=4, band_low=0.3, band_high=0.45)


def test_an_unknown_difficulty_is_refused() -> None:
    with pytest.raises(ConfigError, match="uncertainty, learnability"):
        configure(difficulty="hardness")


@pytest.mark.parametrize("difficulty", ["learnability", "band"])
def test_another_difficulty_is_paid_in_a_run(difficulty: str, play: Run) -> None:
    report = play(difficulty=difficulty, **ONE)
    assert dead(report) == [] and report["liveness"]["reward.uncertainty"] == "live"
