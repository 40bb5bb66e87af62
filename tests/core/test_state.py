"""The state is one value, and its hash is that of all its components."""

from __future__ import annotations

import dataclasses

import pytest

from ratchet.core.state import Component, State

POLICY, POOL = Component("policy", "aa"), Component("pool", "bb")
STATE = State({"solver": POLICY, "pool": POOL})


def test_the_hash_does_not_depend_on_order() -> None:
    assert State({"pool": POOL, "solver": POLICY}).hash == STATE.hash


@pytest.mark.parametrize(
    "other",
    [
        State({"solver": Component("policy", "ab"), "pool": POOL}),
        State({"solver": Component("memory", "aa"), "pool": POOL}),
        State({"proposer": POLICY, "pool": POOL}),
        State({"solver": POOL, "pool": POLICY}),
        State({"solver": POLICY}),
        State({"solver": POLICY, "pool": POOL, "third": POOL}),
        State({}),
    ],
)
def test_the_hash_changes_with_any_component(other: State) -> None:
    assert other.hash != STATE.hash


def test_replace_leaves_the_old_state_as_it_is() -> None:
    before = STATE.hash
    after = STATE.replace(pool=POLICY, third=POOL)
    assert (after["pool"], after["third"], after["solver"]) == (POLICY, POOL, POLICY)
    assert STATE["pool"] == POOL and STATE.hash == before
    assert after.replace(pool=POOL) == STATE.replace(third=POOL)


def test_a_state_reads_as_a_mapping() -> None:
    assert dict(STATE) == {"solver": POLICY, "pool": POOL}
    assert len(STATE) == 2 and "pool" in STATE and "absent" not in STATE
    with pytest.raises(dataclasses.FrozenInstanceError):
        STATE.components = {}  # type: ignore[misc]
