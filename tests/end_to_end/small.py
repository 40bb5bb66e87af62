"""Runs of the toys in this process, small enough for a test, and of recipes made from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.core.events import Listener, ignore
from ratchet.core.evidence import Decision, Evidence, Verb
from ratchet.core.findings import Finding
from ratchet.core.seeds import Seed
from ratchet.loop.config import RunConfig
from ratchet.loop.folder import RunFolder
from ratchet.loop.gate import Draw, Gate, History
from ratchet.loop.loop import Loop
from ratchet.loop.recipe import Recipe
from ratchet.loop.versions import Store
from ratchet.recipes.launch import find_method
from ratchet.recipes.toy_policy.recipe import ToyPolicy
from ratchet.report.summary import summarise

Build = Callable[[Any, Store], Recipe]
SMALL: dict[str, dict[str, Any]] = {
    "toy_program": {
        "generations": 4,
        "mutants": 100,
        "gate_items": 60,
        "audit_items": 10,
        "final_items": 100,
    },
    "toy_policy": {
        "generations": 3,
        "gate_items": 100,
        "audit_items": 20,
        "final_items": 150,
    },
}


def configure(recipe: str, **settings: Any) -> RunConfig:
    """Return the settings of a small run."""
    return find_method(recipe).configure(**{**SMALL[recipe], **settings})


def run(
    path: Path,
    recipe: str,
    build: Build | None = None,
    decider: Gate | None = None,
    listener: Listener = ignore,
    **settings: Any,
) -> dict[str, Any]:
    """Run a small toy, or a recipe built on one, and return its report without cost."""
    config = configure(recipe, **settings)
    folder = RunFolder(path)
    if not path.exists():
        path.mkdir(parents=True)
        config.write(folder.config)
    store = folder.store()
    made = (build or find_method(recipe).module.build)(config, store)
    Loop(made, config, folder, store, listener, decider).run()
    report = summarise(folder)
    del report["cost"]
    return report


@dataclass(frozen=True)
class ScriptedGate:
    """Decides as written down, one verb a generation."""

    verbs: Sequence[Verb]

    def decide(
        self, draw: Draw, findings: Sequence[Finding], history: History, seed: Seed
    ) -> tuple[Decision, Evidence]:
        """Draw a few anchors; their number of generation says which verb is due."""
        evidence = draw(5)
        number = int(seed.path[-2].removeprefix("#"))
        return Decision(self.verbs[number - 1], "as written"), evidence


def stopping(kind: type[ToyPolicy], turn: int) -> type[ToyPolicy]:
    """Return the recipe, interrupted once, in this turn of all that are taken."""

    class Stopped(kind):  # type: ignore[misc, valid-type]
        turns = 0

        def improve(self, *given: Any) -> Any:
            Stopped.turns += 1
            if Stopped.turns == turn:
                raise KeyboardInterrupt
            return super().improve(*given)

    return Stopped
