"""A run that executes programs: it records its sandbox, and does not start in one too weak."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.core.errors import SandboxError
from ratchet.loop.folder import RunFolder
from ratchet.loop.versions import Store
from ratchet.recipes.toy_program.recipe import ToyProgram
from ratchet.sandbox.fake import FakeSandbox
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.probe import LAYERS
from ratchet.sandbox.protocol import Level, Sandbox
from tests.end_to_end.small import Build, run

TINY: dict[str, Any] = {"generations": 1, "mutants": 8, "gate_items": 8, "final_items": 8}


def using(sandbox: Sandbox, level: Level = Level.ISOLATED) -> Build:
    """Return how to build the toy as a recipe that has a sandbox."""

    def build(config: Any, store: Store) -> ToyProgram:
        made = ToyProgram(config, store)
        made.sandbox, made.isolation = sandbox, level
        return made

    return build


def start_of(path: Path) -> dict[str, Any]:
    with RunFolder(path).ledger() as ledger:
        return next(ledger.entries("start")).body


def test_a_run_records_what_was_found_of_its_sandbox(tmp_path: Path) -> None:
    with open_sandbox(workers=1) as sandbox:
        run(tmp_path / "run", "toy_program", using(sandbox), **TINY)
    found = start_of(tmp_path / "run")["sandbox"]
    assert (found["provider"], found["level"]) == ("direct", "ISOLATED")
    assert [layer["name"] for layer in found["layers"]] == [*LAYERS, "cgroup", "interpreter"]
    assert all(layer["detail"] for layer in found["layers"])
    assert {layer["name"] for layer in found["layers"] if layer["holds"]} >= {*LAYERS}


def test_a_run_that_executes_nothing_says_so(tmp_path: Path) -> None:
    run(tmp_path / "run", "toy_program", **TINY)
    assert start_of(tmp_path / "run")["sandbox"] is None


def test_a_run_below_its_level_does_not_start(tmp_path: Path) -> None:
    with open_sandbox(Level.CONFINED, workers=1, off={"seccomp"}) as weak:
        with pytest.raises(SandboxError, match="only CONFINED: seccomp: turned off") as error:
            run(tmp_path / "run", "toy_program", using(weak), **TINY)
        assert "CONFIG_SECCOMP_FILTER" in error.value.hint
        with RunFolder(tmp_path / "run").ledger() as ledger:
            assert list(ledger.entries()) == []
        run(tmp_path / "other", "toy_program", using(weak, Level.CONFINED), **TINY)
    assert start_of(tmp_path / "other")["sandbox"]["level"] == "CONFINED"


def test_a_run_does_not_go_on_below_its_level(tmp_path: Path) -> None:
    path = tmp_path / "run"
    strong, weak = FakeSandbox(level=Level.ISOLATED), FakeSandbox(level=Level.PROCESS)

    def stop(event: Any) -> None:
        if event.kind == "decision":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(path, "toy_program", using(strong), listener=stop, **TINY)
    with pytest.raises(SandboxError, match="only PROCESS"):
        run(path, "toy_program", using(weak), **TINY)
    assert run(path, "toy_program", using(strong), **TINY)["status"] == "completed"
