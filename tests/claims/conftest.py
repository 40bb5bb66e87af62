"""A recipe given by the path of its file, so small that a run of it takes a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

RECIPE = '''
"""A stub whose solver knows a share of the answers after one generation."""

from __future__ import annotations

import os

from ratchet.core.state import Candidate, State
from ratchet.loop.config import RunConfig
from ratchet.loop.recipe import Mechanism, Recipe
from ratchet.worlds.arithmetic import calculate


class Config(RunConfig):
    skill: float = 0.0
    alive: bool = True
    crash_at: int = 0


class Knows:
    def __init__(self, share):
        self.share = share

    def answer(self, prompts, seed):
        rng = seed.child("knows").rng()
        return [calculate(p) if rng.random() < self.share else "no" for p in prompts]


class Stub(Recipe):
    def __init__(self, config, store):
        self.config, self.store = config, store

    def initial(self, seed):
        return State({"share": self.store.write("policy", "share.txt", "0.0")})

    def mechanisms(self, state, seed):
        return [Mechanism("heart", lambda: self.config.alive)]

    def improve(self, state, context):
        if self.config.crash_at == self.config.seed and not os.environ.get("MENDED"):
            raise ZeroDivisionError("the stub fell over")
        context.observe("heart", True)
        known = self.store.write("policy", "share.txt", str(self.config.skill))
        return Candidate(State({"share": known}))

    def solver(self, state):
        return Knows(float(self.store.read(state["share"], "share.txt")))


build = Stub
'''
SETTINGS = """
generations = 1
charter = "arithmetic"
gate = "record"
gate_items = 10
audit_items = 5
final_items = 60
"""
CLAIMS = """
from ratchet.claims import Arm, Claim, Claims


def claim(name, comparison, *arms, **more):
    return Claim(
        name=name,
        statement="A statement about " + name + ".",
        source="a test",
        arms=arms,
        metric="last_candidate.score.mean",
        comparison=comparison,
        smallest_effect=0.1,
        **{"seeds": (2, 3), **more},
    )


CLAIMS = Claims(
    arms=(
        Arm("skilled", {"skill": 0.9}),
        Arm("idle"),
        Arm("faller", {"crash_at": 2}),
        Arm("dead", {"alive": False}),
        Arm("sturdy", {"skill": 0.9, "crash_at": 99}),
    ),
    claims=(
        claim("learns", "treatment > 0", "skilled"),
        claim("beats_idle", "treatment > control", "skilled", "idle"),
        claim("idle_does_not_gain", "treatment not > bound", "idle"),
        claim("falls", "treatment > 0", "faller"),
        claim("sturdier", "treatment > control", "sturdy", "skilled"),
        claim("is_dead", "treatment > 0", "dead", seeds=(2,)),
        claim("needs_a_gpu", "treatment > 0", "skilled", testable=("gpu",), why_not="too small"),
    ),
)
"""
MakeRecipe = Callable[..., Path]


@pytest.fixture(scope="session")
def make_recipe() -> MakeRecipe:
    """Return a maker of recipe folders; it returns the path of the recipe's file."""

    def make(folder: Path, claims: str = CLAIMS) -> Path:
        folder.mkdir(exist_ok=True)
        (folder / "stub.py").write_text(RECIPE)
        (folder / "toy.toml").write_text(SETTINGS)
        (folder / "claims.py").write_text(claims)
        return folder / "stub.py"

    return make
