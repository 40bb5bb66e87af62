from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ratchet.core.codec import to_data
from ratchet.core.errors import EvaluatorError
from ratchet.core.seeds import Seed
from ratchet.guard.evaluator import Evaluator
from ratchet.worlds.arithmetic import solve_exactly
from ratchet.worlds.protocol import Stream
from tests.guard.canary import canaries, leaks, marks, tainted_charter, untainted
from tests.guard.conftest import ROOT


class Solver:
    """Answers right and, unlike a real one, remembers what it was asked."""

    prompts: tuple[str, ...] = ()

    def answer(self, prompts: Sequence[str], seed: Seed) -> list[str]:
        self.prompts = tuple(prompts)
        return [str(solve_exactly(untainted(prompt))) for prompt in prompts]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in a folder of its own, so that stray files are found too."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def test_no_canary_leaves_the_evaluators_folder(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sealed = here / "run" / "sealed"
    solver = Solver()
    with Evaluator(tainted_charter(here), 0, here / "run" / "sealed") as evaluator:
        scores = [
            evaluator.measure(solver, stream, 30, 0, Seed(0), "adder", "closing states")
            for stream in Stream
        ]
        seen = marks("".join(solver.prompts).encode())
        kept = json.dumps([to_data(s) for s in scores]) + repr(vars(evaluator))
        assert not marks(kept.encode())
    issued = canaries(sealed)
    assert all(s.mean == 1.0 for s in scores)
    assert len(issued) == sum(len(s) for s in scores)
    assert seen and seen <= issued
    assert leaks(here, sealed) == {}
    out, err = capfd.readouterr()
    assert not marks((out + err).encode())
    assert not any(marks(f"{name}={value}".encode()) for name, value in os.environ.items())


def test_no_canary_is_in_an_error(here: Path) -> None:
    class Short(Solver):
        def answer(self, prompts: Sequence[str], seed: Seed) -> list[str]:
            return super().answer(prompts, seed)[1:]

    with (
        Evaluator(tainted_charter(here), 0, here / "sealed") as evaluator,
        pytest.raises(EvaluatorError) as caught,
    ):
        evaluator.measure(Short(), Stream.GATE, 6, 0, Seed(0), "short")
    assert not marks(f"{caught.value!s}{caught.value!r}".encode())
    assert len(canaries(here / "sealed")) == 6
    assert leaks(here, here / "sealed") == {}


def test_a_leak_is_found_plain_packed_and_in_names(here: Path) -> None:
    solver = Solver()
    with Evaluator(tainted_charter(here), 0, here / "sealed") as evaluator:
        evaluator.measure(solver, Stream.GATE, 4, 0, Seed(0), "adder")
    planted = [sorted(marks(prompt.encode()))[0] for prompt in solver.prompts]
    (here / "log.bin").write_bytes(b"\x00" + solver.prompts[0].encode() + b"\xff")
    (here / "records.jsonl.gz").write_bytes(gzip.compress(solver.prompts[1].encode()))
    (here / planted[2]).touch()
    (here / "harmless").write_text("canary0123456789abcdef")
    found = leaks(here, here / "sealed")
    assert {path.name: some for path, some in found.items()} == {
        "log.bin": {planted[0]},
        "records.jsonl.gz": {planted[1]},
        planted[2]: {planted[2]},
    }
