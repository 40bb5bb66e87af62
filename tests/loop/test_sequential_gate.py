"""The gate with an error budget: what it draws, spends, decides and says."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from ratchet.core.evidence import Decision, Ending, Verb
from ratchet.core.findings import Continue, Finding, Halt, Reject
from ratchet.core.seeds import Seed
from ratchet.guard.terms import GateTerms
from ratchet.loop.gate import History
from ratchet.loop.sequential_gate import SequentialGate
from tests.loop.sources import FAMILIES, Law, Source, alike, at_random

STANDARD = SequentialGate(GateTerms(), FAMILIES)


def decide(
    source: Source,
    *findings: Finding,
    history: History | None = None,
    gate: SequentialGate = STANDARD,
) -> Decision:
    decision, evidence = gate.decide(source, findings, history or History(), Seed(1))
    mixed = sum(n for n, families in source.asked if not families)
    assert len(evidence.candidate) == len(evidence.incumbent) <= mixed
    return decision


def gains(gain: float, differ: float = 0.2, seed: int = 1, **of: float) -> Source:
    return Source(at_random({**alike(gain), **of}, differ, seed))


def test_a_gain_is_promoted_early_and_explained() -> None:
    source = gains(0.15)
    decision = decide(source, history=History(holds=2, tests=3))
    assert (decision.verb, decision.tests, decision.ends) == (Verb.PROMOTE, 1, None)
    m = decision.measures
    mixed = sum(n for n, families in source.asked if not families)
    assert m["items"] == mixed < 400
    assert m["anchors"] == len(source.given) == m["items"] + m["capability_items"]
    assert m["log_e"] >= m["log_e_needed"] == pytest.approx(math.log(20 / 0.05))
    assert 0 < m["low"] < m["gain"] < m["high"]
    assert m["capabilities"] == m["capabilities_kept"] == 8 and m["tests_left"] == 16
    assert 0.4 < m["capability_power"] < 1.0
    assert sum(m[f"capability.{f}.items"] for f in FAMILIES) == m["capability_items"]
    for part in (f"on {mixed} anchors", "of 400 needed", "probability 0.", "test 4 of 20"):
        assert part in decision.reason
    assert decision.reason.count(".  ") == 0 and not decision.reason.endswith(".")


def test_no_gain_is_held_after_the_ordinary_number_and_spends_a_test() -> None:
    source = Source(lambda family, number: (1.0, -1.0, 0.0, 0.0)[number % 4])
    decision = decide(source)
    assert (decision.verb, decision.tests) == (Verb.HOLD, 1)
    assert decision.measures["items"] == decision.measures["anchors"] == 400
    assert "not yet shown to be better" in decision.reason and "test 1 of 20" in decision.reason
    assert all(not families for _, families in source.asked)


def test_a_loss_is_rejected_early() -> None:
    decision = decide(gains(-0.15))
    assert (decision.verb, decision.tests) == (Verb.REJECT, 1)
    assert decision.reason.startswith("worse than the incumbent")
    assert decision.measures["log_e_harm"] >= decision.measures["log_e_harm_needed"]
    assert decision.measures["items"] < 400


def test_a_promising_gain_is_followed_up_to_the_cap() -> None:
    pattern = [1.0] * 5 + [-1.0] * 3 + [0.0] * 32
    source = Source(lambda family, number: pattern[(number * 7 + int(family[1])) % 40])
    decision = decide(source)
    assert 400 < decision.measures["items"] <= 1600


@pytest.mark.parametrize(("holds", "verb"), [(4, Verb.HOLD), (5, Verb.REJECT)])
def test_six_holds_in_a_row_are_a_rejection(holds: int, verb: Verb) -> None:
    source = Source(lambda family, number: (1.0, 0.0, -1.0)[number % 3])
    decision = decide(source, history=History(holds=holds))
    assert decision.verb is verb
    assert ("6 holds in a row" in decision.reason) == (verb is Verb.REJECT)
    assert decide(gains(0.15), history=History(holds=holds)).verb is Verb.PROMOTE


def test_the_last_test_ends_the_run_and_then_nothing_is_drawn() -> None:
    last = decide(gains(0.15), history=History(tests=19))
    assert (last.verb, last.ends) == (Verb.PROMOTE, Ending.BUDGET_SPENT)
    source = gains(0.3, differ=0.3)
    spent = decide(source, history=History(tests=20))
    assert (spent.verb, spent.ends, spent.tests) == (Verb.HALT, Ending.BUDGET_SPENT, 0)
    assert source.asked == [] and "all 20 tests" in spent.reason


def test_the_budget_is_shared_evenly_among_the_declared_tests() -> None:
    few = SequentialGate(GateTerms(tests=2), FAMILIES)
    assert few.superiority.alpha == pytest.approx(0.025)
    needed = decide(gains(0.15), gate=few).measures["log_e_needed"]
    assert needed == pytest.approx(math.log(2 / 0.05))


def test_findings_win_before_anything_is_drawn_or_spent() -> None:
    reject, halt = Finding("drift", "x", Reject()), Finding("leak", "x", Halt())
    source = gains(0.2)
    rejected = decide(source, reject)
    assert (rejected.verb, rejected.tests, rejected.ends) == (Verb.REJECT, 0, None)
    halted = decide(source, reject, halt)
    assert (halted.verb, halted.tests, halted.ends) == (Verb.HALT, 0, Ending.HALTED)
    assert source.asked == []
    assert decide(source, Finding("a", "x", Continue())).verb is Verb.PROMOTE


def test_a_hidden_loss_is_not_promoted_and_named() -> None:
    decision = decide(gains(0.2, differ=0.3, f3=-0.3))
    assert decision.verb is Verb.REJECT
    assert "f3 lost more than 10 points" in decision.reason
    doubtful = decide(gains(0.2, differ=0.2, f5=-0.1))
    assert doubtful.verb is Verb.HOLD
    assert "f5 may have lost 10 points" in doubtful.reason
    assert doubtful.measures["capability.f5.items"] == 400
    assert doubtful.measures["capabilities_kept"] == 7


def test_capabilities_are_judged_on_anchors_of_their_own() -> None:
    """One family wins on the first anchors drawn and loses on all after them."""
    shown = 0

    def law(family: str, number: int) -> float:
        nonlocal shown
        if source.asked[-1][1] == ():
            shown += 1
            return float(number % 3 == 0)
        return -1.0 if family == "f2" else 0.0

    source = Source(law)
    decision = decide(source)
    assert shown >= 100 and decision.verb is Verb.REJECT
    assert "f2 lost more than" in decision.reason
    assert decision.measures["capability.f2.change"] == -1.0


def test_only_capabilities_in_doubt_are_drawn_further() -> None:
    source = gains(0.2, differ=0.2, f4=-0.1)
    decide(source)
    rounds = [families for _, families in source.asked if families]
    assert rounds[0] == FAMILIES
    assert all(set(after) <= set(before) for before, after in pairwise(rounds))
    assert rounds[-1] == ("f4",)
    assert all(n == 25 for n, families in source.asked if families)


def test_a_capability_that_runs_dry_is_judged_by_all_its_anchors() -> None:
    def small(lost: int) -> Law:
        return lambda family, number: (
            -float(number < lost) if family == "f0" else float(number % 4 == 0)
        )

    kept = decide(Source(small(1), supply={"f0": 14}))
    assert kept.verb is Verb.PROMOTE
    lost = decide(Source(small(2), supply={"f0": 14}))
    assert lost.verb is Verb.HOLD and "f0 may have lost" in lost.reason


def test_a_world_that_runs_dry_ends_the_test() -> None:
    source = Source(lambda family, number: 0.0, supply=dict.fromkeys(FAMILIES, 15))
    decision = decide(source)
    assert decision.verb is Verb.HOLD and decision.measures["items"] == 120
    assert len(source.asked) <= 3


def test_a_jump_needs_approval_only_when_all_else_is_passed() -> None:
    decision = decide(gains(0.5, differ=0.5))
    assert (decision.verb, decision.ends) == (Verb.HALT, Ending.NEEDS_APPROVAL)
    assert decision.tests == 1 and "above 40 points needs approval" in decision.reason
    bad = decide(gains(0.6, differ=0.6, f1=-0.5))
    assert (bad.verb, bad.ends) == (Verb.REJECT, None)
    last = decide(gains(0.5, differ=0.5), history=History(tests=19))
    assert last.ends is Ending.NEEDS_APPROVAL
    wide = SequentialGate(GateTerms(jump=0.9), FAMILIES)
    assert decide(gains(0.5, differ=0.5), gate=wide).verb is Verb.PROMOTE


def test_graded_scores_are_judged_too() -> None:
    rng = np.random.default_rng(3)
    source = Source(lambda family, number: float(np.clip(rng.normal(0.06, 0.2), -1, 1)))
    decision = decide(source)
    assert decision.verb is Verb.PROMOTE
    assert decision.measures["gain"] == pytest.approx(0.06, abs=0.04)


def test_no_item_is_drawn_twice_and_equal_draws_decide_alike() -> None:
    first, second = gains(0.12, seed=5), gains(0.12, seed=5)
    assert decide(first) == decide(second)
    assert len(set(first.given)) == len(first.given)


def test_useless_candidates_are_almost_never_shown_better() -> None:
    """Of 400 useless candidates at a level of 0.05 each, not of one run."""
    gate = SequentialGate(
        GateTerms(tests=1, first=40, batch=40, ordinary=120, cap=120, margin=0.5), FAMILIES
    )
    verbs = [decide(gains(0.0, seed=seed), gate=gate).verb for seed in range(400)]
    assert verbs.count(Verb.PROMOTE) <= 30
    assert verbs.count(Verb.REJECT) <= 30
