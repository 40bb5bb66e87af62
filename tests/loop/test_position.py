"""Where a run stands: decisions, actions of findings, and the fold over the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.core.codec import to_data
from ratchet.core.errors import RunError
from ratchet.core.evidence import Decision, Ending, Verb
from ratchet.core.findings import (
    Action,
    Continue,
    Finding,
    Halt,
    Reject,
    Restart,
    Reweight,
    Rollback,
    SetParameter,
)
from ratchet.core.state import Component, State
from ratchet.loop.ledger import Entry, Ledger
from ratchet.loop.position import Position, pointers, read_position, waiting
from ratchet.loop.recipe import Parameter


def state(number: int) -> State:
    return State(
        {
            "solver": Component("policy", f"s{number}"),
            "solver.optimiser": Component("optimiser", f"o{number}"),
            "solverless": Component("pool", f"p{number}"),
        }
    )


PARAMETERS: dict[str, Parameter] = {"level": 1.0, "easy": 0.5, "hard": 0.5, "rule": "hint"}
START = Position(state(0), state(0), state(0), parameters=PARAMETERS, promoted={0: state(0)})


def decide(position: Position, verb: Verb, record_only: bool = False) -> Position:
    candidate = state(position.generation + 1)
    return position.decide(candidate, Decision(verb, "because"), record_only)


def act(position: Position, *actions: Action) -> Position:
    return position.act([Finding("probe", "said", action) for action in actions])


def test_promote_moves_both_pointers_and_is_remembered() -> None:
    after = decide(decide(START, Verb.HOLD), Verb.PROMOTE)
    assert after.incumbent == after.branch == state(2)
    assert (after.generation, after.holds, after.ending) == (2, 0, None)
    assert after.promoted == {0: state(0), 2: state(2)}
    assert after.initial == state(0)


def test_hold_keeps_the_candidate_as_the_branch_and_counts() -> None:
    after = decide(decide(START, Verb.HOLD), Verb.HOLD)
    assert (after.incumbent, after.branch, after.holds) == (state(0), state(2), 2)
    assert after.promoted == {0: state(0)}


def test_reject_returns_the_branch_and_forgets_the_holds_but_not_the_number() -> None:
    after = decide(decide(decide(START, Verb.PROMOTE), Verb.HOLD), Verb.REJECT)
    assert after.incumbent == after.branch == state(1)
    assert (after.generation, after.holds) == (3, 0)


def test_halt_moves_nothing_but_the_number() -> None:
    before = decide(decide(START, Verb.PROMOTE), Verb.HOLD)
    after = decide(before, Verb.HALT)
    assert (after.incumbent, after.branch, after.holds) == (state(1), state(2), 1)
    assert (after.generation, after.ending) == (3, Ending.HALTED)


@pytest.mark.parametrize("verb", [Verb.PROMOTE, Verb.HOLD, Verb.REJECT])
def test_recorded_decisions_are_never_obeyed(verb: Verb) -> None:
    after = decide(decide(START, verb, record_only=True), verb, record_only=True)
    assert (after.incumbent, after.branch, after.generation) == (state(0), state(2), 2)
    assert after.promoted == {0: state(0)}


def spend(
    position: Position, verb: Verb, ends: Ending | None = None, control: bool = False
) -> Position:
    decision = Decision(verb, "because", tests=1, ends=ends)
    return position.decide(state(position.generation + 1), decision, control)


def test_tests_add_up_and_nothing_gives_one_back() -> None:
    position = spend(spend(spend(START, Verb.PROMOTE), Verb.HOLD), Verb.REJECT)
    assert position.tests == 3
    assert act(position, Rollback(0)).tests == 3
    assert spend(position, Verb.HOLD, control=True).tests == 4


def test_a_spent_budget_ends_the_run_with_the_decision_carried_out() -> None:
    after = spend(START, Verb.PROMOTE, Ending.BUDGET_SPENT)
    assert (after.incumbent, after.ending) == (state(1), Ending.BUDGET_SPENT)


def test_a_candidate_that_waits_is_promoted_by_approval_alone() -> None:
    before = decide(START, Verb.HOLD)
    waits = spend(before, Verb.HALT, Ending.NEEDS_APPROVAL)
    assert (waits.incumbent, waits.branch, waits.pending) == (state(0), state(1), state(2))
    after = waits.approve()
    assert after.incumbent == after.branch == state(2)
    assert (after.holds, after.ending, after.pending, after.tests) == (0, None, None, 1)
    assert after.promoted[2] == state(2)
    with pytest.raises(RunError, match="nothing waits"):
        after.approve()


def test_a_control_waits_for_nobody() -> None:
    after = spend(START, Verb.HALT, Ending.NEEDS_APPROVAL, control=True)
    assert (after.ending, after.pending, after.branch) == (None, None, state(1))
    assert after.incumbent == state(0)


def test_the_fold_knows_approvals() -> None:
    waits = spend(START, Verb.HALT, Ending.NEEDS_APPROVAL)
    body = {
        "candidate": to_data(state(1)),
        "decision": to_data(Decision(Verb.HALT, "big", tests=1, ends=Ending.NEEDS_APPROVAL)),
        "findings": [],
        "pointers": pointers(waits),
    }
    entries = [
        Entry(0, "start", {"initial": to_data(state(0)), "parameters": PARAMETERS}, ""),
        Entry(1, "generation", body, ""),
    ]
    assert read_position(entries, False) == waits and waiting(entries) == "big"
    entries.append(Entry(2, "approval", {"pointers": pointers(waits.approve())}, ""))
    assert read_position(entries, False) == waits.approve() and waiting(entries) is None
    entries[2].body["pointers"]["holds"] = 3
    with pytest.raises(RunError, match="pointers"):
        read_position(entries, False)


def test_set_and_reweight_change_declared_parameters() -> None:
    after = act(START, SetParameter("level", 3.0), Reweight({"easy": 0.1, "hard": 0.9}))
    assert after.parameters == {**PARAMETERS, "level": 3.0, "easy": 0.1, "hard": 0.9}
    assert START.parameters["level"] == 1.0


@pytest.mark.parametrize("action", [SetParameter("lvel", 3.0), Reweight({"easy": 1.0, "mad": 0.0})])
def test_a_parameter_that_is_not_declared_is_refused(action: Action) -> None:
    with pytest.raises(RunError, match=r"probe sets '(lvel|mad)'.*not declare") as caught:
        act(START, action)
    assert "level" in caught.value.hint


def test_restart_brings_back_a_component_and_its_parts_on_the_branch_alone() -> None:
    after = act(decide(START, Verb.PROMOTE), Restart("solver"))
    first, now = state(0), state(1)
    assert after.branch["solver"] == first["solver"]
    assert after.branch["solver.optimiser"] == first["solver.optimiser"]
    assert after.branch["solverless"] == now["solverless"]
    assert after.incumbent == now
    with pytest.raises(RunError, match="restarts 'solvr'") as caught:
        act(START, Restart("solvr"))
    assert "solver" in caught.value.hint


def test_rollback_returns_to_a_promoted_generation() -> None:
    position = decide(decide(decide(START, Verb.PROMOTE), Verb.PROMOTE), Verb.HOLD)
    start = act(position, Rollback(0))
    assert start.incumbent == start.branch == state(0)
    assert (start.holds, start.generation) == (0, 3)
    same = act(position, Rollback(2))
    assert same.incumbent == same.branch == state(2)
    with pytest.raises(RunError, match="generation 3, which was never promoted"):
        act(position, Rollback(3))


def test_rollback_past_pruned_moments_goes_without_them() -> None:
    position = decide(decide(decide(START, Verb.PROMOTE), Verb.PROMOTE), Verb.HOLD)
    back = act(position, Rollback(1))
    kept = {name: c for name, c in state(1).items() if c.kind != "optimiser"}
    assert dict(back.incumbent) == dict(back.branch) == kept


@pytest.mark.parametrize("action", [Continue(), Reject(), Halt()])
def test_the_gates_own_actions_move_no_pointer(action: Action) -> None:
    position = decide(START, Verb.HOLD)
    assert act(position, action) == position


ACTIONS: Sequence[Action] = (
    Continue(),
    SetParameter("level", 2.5),
    SetParameter("rule", "none"),
    Reweight({"easy": 0.3, "hard": 0.7}),
    Restart("solver"),
    Reject(),
    Rollback(0),
    Halt(),
)
TURNS = st.lists(
    st.tuples(st.sampled_from(list(Verb)), st.lists(st.sampled_from(ACTIONS), max_size=3)),
    max_size=8,
)


def play(turns: list[tuple[Verb, list[Action]]], record_only: bool) -> tuple[Position, list[Entry]]:
    """Return the position after these turns, lived, and the entries that they leave."""
    position = START
    entries = [Entry(0, "start", {"initial": to_data(state(0)), "parameters": PARAMETERS}, "")]
    for verb, actions in turns:
        findings = [Finding("probe", "said", action) for action in actions]
        candidate = state(position.generation + 1)
        decision = Decision(verb, "because")
        position = position.decide(candidate, decision, record_only).act(findings)
        body = {
            "candidate": to_data(candidate),
            "decision": to_data(decision),
            "findings": [to_data(finding) for finding in findings],
            "pointers": pointers(position),
        }
        entries.append(Entry(len(entries), "generation", body, ""))
    return position, entries


@given(TURNS, st.booleans())
@settings(derandomize=True, max_examples=150, deadline=None)
def test_the_fold_equals_what_was_lived(
    turns: list[tuple[Verb, list[Action]]], record_only: bool
) -> None:
    position, entries = play(turns, record_only)
    assert read_position(entries, record_only) == position


def test_the_fold_survives_the_disk(tmp_path: Path) -> None:
    turns = [(Verb.PROMOTE, [ACTIONS[1]]), (Verb.HOLD, [ACTIONS[3], ACTIONS[4]])]
    position, entries = play(turns, False)
    ledger = Ledger(tmp_path / "ledger.sqlite")
    for entry in entries:
        ledger.append(entry.kind, entry.body)
        ledger.append("study", {"name": "aside"})
    assert read_position(ledger.entries(), False) == position
    ledger.close()


def test_an_empty_ledger_is_a_run_that_has_not_started() -> None:
    assert read_position([], False) is None


@pytest.mark.parametrize("name", ["incumbent", "branch", "holds", "parameters"])
def test_a_pointer_that_does_not_follow_is_found(name: str) -> None:
    _, entries = play([(Verb.HOLD, []), (Verb.HOLD, [])], False)
    wrong = {"holds": 7, "parameters": {}, "incumbent": to_data(state(9))}
    entries[2].body["pointers"][name] = wrong.get(name, to_data(state(9)))
    with pytest.raises(RunError, match="generation 2: the ledger's pointers"):
        read_position(entries, False)


def test_a_run_read_in_the_other_mode_is_found() -> None:
    _, entries = play([(Verb.PROMOTE, [])], False)
    with pytest.raises(RunError, match="generation 1"):
        read_position(entries, True)
