"""The gate on rows that are used again."""

from __future__ import annotations

import pytest

from ratchet.core.evidence import Decision, Ending, Evidence, ItemScore, Scores, Verb
from ratchet.core.findings import Finding, Reject
from ratchet.core.seeds import Seed
from ratchet.guard.terms import GateTerms
from ratchet.loop.gate import History
from ratchet.loop.ladder_gate import LadderGate

GATE = LadderGate(GateTerms(step=0.05, tests=20))


def scores(mean: float, n: int = 1000) -> Scores:
    right = round(mean * n)
    return Scores(tuple(ItemScore(f"i{at}", "f", float(at < right), True) for at in range(n)))


def decide(
    ours: float, theirs: float, *findings: Finding, history: History | None = None
) -> Decision:
    asked: list[int] = []

    def draw(n: int, families: object = ()) -> Evidence:
        asked.append(n)
        return Evidence("gate", scores(ours), scores(theirs))

    decision, evidence = GATE.decide(draw, findings, history or History(), Seed(1))
    assert asked == ([GATE.terms.cap] if decision.tests else [])
    assert len(evidence.candidate) == 1000 * decision.tests
    return decision


def test_only_a_step_above_the_incumbents_rung_is_promoted() -> None:
    up = decide(0.552, 0.51)
    assert up.verb is Verb.PROMOTE and "climbs from 0.500 to 0.550" in up.reason
    near = decide(0.549, 0.51)
    assert near.verb is Verb.HOLD and "next rung, 0.550" in near.reason
    assert decide(0.3, 0.51).verb is Verb.HOLD


def test_a_hold_tells_no_score() -> None:
    """What does not climb is not reported: the decisions on 0.30 and on 0.54 are the same."""
    assert decide(0.30, 0.51) == decide(0.54, 0.51)
    assert "gain" not in decide(0.30, 0.51).measures


def test_decisions_are_counted_and_end_the_run() -> None:
    last = decide(0.3, 0.5, history=History(tests=19))
    assert (last.verb, last.tests, last.ends) == (Verb.HOLD, 1, Ending.BUDGET_SPENT)
    spent = decide(0.9, 0.5, history=History(tests=20))
    assert (spent.verb, spent.tests, spent.ends) == (Verb.HALT, 0, Ending.BUDGET_SPENT)
    assert "right within 0." in last.reason and last.measures["error"] > 0.1


def test_holds_jumps_and_findings() -> None:
    assert decide(0.5, 0.5, history=History(holds=5)).verb is Verb.REJECT
    jump = decide(0.95, 0.5)
    assert (jump.verb, jump.ends) == (Verb.HALT, Ending.NEEDS_APPROVAL)
    told = decide(0.9, 0.5, Finding("drift", "x", Reject()))
    assert (told.verb, told.tests) == (Verb.REJECT, 0)


def test_a_step_is_needed() -> None:
    with pytest.raises(ValueError, match=r"gate\.step"):
        LadderGate(GateTerms()).decide(
            lambda n, families=(): Evidence("gate", scores(0.5), scores(0.5)),
            [],
            History(),
            Seed(1),
        )
