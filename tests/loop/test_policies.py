"""Policies between an engine and the state, bit for bit and with their moments."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.core.errors import EngineError
from ratchet.core.seeds import Seed
from ratchet.core.state import State
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.engine.protocol import Full, Optim
from ratchet.loop.policies import close_policies, create_policies, opened
from ratchet.loop.versions import Store

ROLES = {"proposer": "table", "solver": "table"}


def make_engine() -> FakeEngine:
    return FakeEngine({"table": Tabular(("a", "b", "c"), lambda text: text)})


def train(engine: FakeEngine, role: str) -> None:
    tokens = (*engine.encode(role, "q"), 0x110000)
    engine.forward_backward(role, Batch((Row(tokens, (0.0, 1.0)),)), CrossEntropy())
    engine.optim_step(role, Optim(0.1))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "versions")


def start(store: Store) -> State:
    return create_policies(make_engine(), store, ROLES, Full(), Seed(1))


def test_a_fresh_state_has_weights_and_moments_of_each_role(store: Store) -> None:
    state = start(store)
    kinds = {name: component.kind for name, component in state.items()}
    assert kinds == {
        "proposer": "policy",
        "proposer.optimiser": "optimiser",
        "solver": "policy",
        "solver.optimiser": "optimiser",
    }
    assert state.hash == start(store).hash


def test_training_goes_on_bit_for_bit_after_closing_and_opening(store: Store) -> None:
    engine, state = make_engine(), start(store)
    with opened(engine, store, state, "solver"):
        for _ in range(3):
            train(engine, "solver")
        straight = close_policies(engine, store, "solver")
    for _ in range(3):
        engine = make_engine()
        with opened(engine, store, state, "solver"):
            train(engine, "solver")
            state = state.replace(**close_policies(engine, store, "solver"))
    assert {name: state[name] for name in straight} == straight
    assert state["proposer"] == start(store)["proposer"]


def test_without_its_moments_a_policy_keeps_its_weights(store: Store) -> None:
    engine, state = make_engine(), start(store)
    with opened(engine, store, state, "solver"):
        train(engine, "solver")
        state = state.replace(**close_policies(engine, store, "solver"))
        whole = engine.score("solver", [(113, 0x110000)])
    bare = State({"solver": state["solver"]})
    with opened(engine, store, bare, "solver"):
        assert engine.score("solver", [(113, 0x110000)]) == whole
        train(engine, "solver")
        assert close_policies(engine, store, "solver")["solver"] != state["solver"]


def test_roles_are_dropped_whatever_happens(store: Store) -> None:
    engine, state = make_engine(), start(store)
    with pytest.raises(ZeroDivisionError), opened(engine, store, state, *ROLES):
        raise ZeroDivisionError
    with pytest.raises(EngineError, match="is taken"), opened(engine, store, state, *ROLES):
        engine.create("solver", "table", Full())
    with opened(engine, store, state, *ROLES):
        pass
    with pytest.raises(EngineError, match="no policy"):
        engine.encode("solver", "q")
    assert not [path for path in store.folder.iterdir() if path.name.startswith(".draft")]
