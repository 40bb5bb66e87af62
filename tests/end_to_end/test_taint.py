"""A whole run under a tainted charter: no anchor leaves the evaluator's folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.events import Event
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.core.state import State
from ratchet.loop.folder import RunFolder
from ratchet.recipes.toy_policy.recipe import ToyPolicy
from ratchet.report import write_report
from tests.end_to_end.small import run
from tests.guard.canary import canaries, leaks, marks, tainted_charter, untainted
from tests.guard.conftest import ROOT


@dataclass(frozen=True)
class Untainted:
    """A solver that is asked the plain prompts, so that the toy's table knows their shape."""

    inner: Solver

    def answer(self, prompts: Sequence[str], seed: Seed) -> Sequence[str]:
        assert all(marks(prompt.encode()) for prompt in prompts)
        return self.inner.answer([untainted(prompt) for prompt in prompts], seed)


class Reading(ToyPolicy):
    """The toy, able to read tainted prompts."""

    def solver(self, state: State) -> Solver:  # type: ignore[override]
        return Untainted(super().solver(state))


class Leaking(Reading):
    """A toy that writes down what it is asked."""

    def solver(self, state: State) -> Solver:  # type: ignore[override]
        class Writer(Untainted):
            def answer(self, prompts: Sequence[str], seed: Seed) -> Sequence[str]:
                Path("diary.txt").write_text("\n".join(prompts))
                return super().answer(prompts, seed)

        return Writer(ToyPolicy.solver(self, state))


TINY: dict[str, Any] = {"gate_items": 40, "audit_items": 10, "final_items": 40, "generations": 2}


def test_no_anchor_of_a_whole_run_leaves_the_evaluators_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)
    heard: list[Event] = []
    charter = str(tainted_charter(tmp_path))
    report = run(Path("run"), "toy_policy", Reading, listener=heard.append, charter=charter, **TINY)
    write_report(RunFolder(Path("run")))
    assert report["status"] == "completed" and report["final"]["score"]["mean"] > 0
    sealed = tmp_path / "run" / "evaluator"
    # Some gate anchors may have come twice.
    assert 10 + 40 + 40 < len(canaries(sealed)) <= 10 + 2 * 40 + 40
    assert leaks(tmp_path, sealed) == {}
    assert heard and not marks(repr(heard).encode())
    out, err = capfd.readouterr()
    assert not marks((out + err).encode())
    assert not any(marks(f"{k}={v}".encode()) for k, v in os.environ.items())


def test_a_recipe_that_keeps_a_record_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)
    charter = str(tainted_charter(tmp_path))
    run(Path("run"), "toy_policy", Leaking, charter=charter, **{**TINY, "generations": 0})
    found = leaks(tmp_path, tmp_path / "run" / "evaluator")
    assert [path.name for path in found] == ["diary.txt"]
