from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.errors import EvaluatorError
from ratchet.core.evidence import Scores
from ratchet.core.seeds import Seed
from ratchet.guard.charter import Charter
from ratchet.guard.child import environment
from ratchet.guard.evaluator import Evaluator
from ratchet.guard.process import serve
from ratchet.worlds.protocol import Stream
from tests.guard.conftest import Start, Write
from tests.guard.sums import Adder, Constant


def gate(evaluator: Evaluator, n: int = 4) -> Scores:
    return evaluator.measure(Adder(), Stream.GATE, n, 0, Seed(0), "gate")


def talk(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Send messages to a server in this process and return its replies."""
    requests = io.BytesIO(b"".join(json.dumps(m).encode() + b"\n" for m in messages))
    replies = io.BytesIO()
    serve(requests, replies)
    return [json.loads(line) for line in replies.getvalue().splitlines()]


def opening(charter: Path, folder: Path) -> dict[str, Any]:
    return {
        "kind": "open",
        "charter": str(charter),
        "charter_hash": Charter.read(charter).hash,
        "seed": 0,
        "folder": str(folder),
    }


def test_a_world_that_raises_is_reported_by_class_without_the_anchor(
    start: Start, tmp_path: Path
) -> None:
    with start("sums:Raising") as evaluator, pytest.raises(EvaluatorError) as caught:
        gate(evaluator)
    assert "'sums' raised ZeroDivisionError in check()" in caught.value.message
    assert "plus" not in str(caught.value)
    assert str(tmp_path / "sealed" / "errors.txt") in caught.value.hint
    assert "no idea about What is" in (tmp_path / "sealed" / "errors.txt").read_text()


@pytest.mark.parametrize(
    ("world", "named"),
    [
        ("sums:Overpaid", "no verdict with a reward in"),
        ("sums:Repeating", "drew an anchor twice"),
    ],
)
def test_a_world_that_breaks_its_contract_is_named(start: Start, world: str, named: str) -> None:
    with start(world) as evaluator, pytest.raises(EvaluatorError, match=named):
        gate(evaluator)


@pytest.mark.parametrize(
    ("world", "named"),
    [
        ("nowhere:Sums", "does not load: ModuleNotFoundError"),
        ("sums:Nothing", "does not load: AttributeError"),
        ("sums:Adder", "is not a world: it has no name, families, anchors, check"),
    ],
)
def test_a_world_that_does_not_load_is_named(start: Start, world: str, named: str) -> None:
    with pytest.raises(EvaluatorError, match=named) as caught, start(world):
        pass
    assert caught.value.hint


def test_death_while_marking_is_an_error_with_the_status(start: Start) -> None:
    with start("sums:Dying") as evaluator:
        for _ in range(2):
            with pytest.raises(EvaluatorError, match="ended with status 7") as caught:
                gate(evaluator)
        assert "errors.txt" in caught.value.hint


def test_death_between_draw_and_answers_is_an_error(start: Start) -> None:
    class Killer(Adder):
        def answer(self, prompts: object, seed: Seed) -> list[str]:
            assert evaluator.pid is not None
            os.kill(evaluator.pid, signal.SIGKILL)
            return super().answer(prompts, seed)  # type: ignore[arg-type]

    with start() as evaluator, pytest.raises(EvaluatorError, match="ended with status -9"):
        evaluator.measure(Killer(), Stream.GATE, 4, 0, Seed(0), "killer")


def test_silence_is_an_error_and_ends_the_process(start: Start) -> None:
    with start("sums:Hanging") as evaluator:

        class Hurried(Adder):
            def answer(self, prompts: object, seed: Seed) -> list[str]:
                evaluator.timeout = 0.2
                return super().answer(prompts, seed)  # type: ignore[arg-type]

        with pytest.raises(EvaluatorError, match=r"no reply to 'score' in 0\.2 s"):
            evaluator.measure(Hurried(), Stream.GATE, 4, 0, Seed(0), "hurried")
        assert evaluator.pid is None


def test_a_stopped_process_that_takes_no_input_is_an_error(start: Start) -> None:
    with start() as evaluator:

        class Stopper(Constant):
            def answer(self, prompts: object, seed: Seed) -> list[str]:
                evaluator.timeout = 0.2
                assert evaluator.pid is not None
                os.kill(evaluator.pid, signal.SIGSTOP)
                return super().answer(prompts, seed)  # type: ignore[arg-type]

        with pytest.raises(EvaluatorError, match=r"no reply to 'score' in 0\.2 s"):
            evaluator.measure(Stopper("7" * 300_000), Stream.GATE, 4, 0, Seed(0), "stopper")


def test_what_a_world_prints_stays_out_of_the_protocol(start: Start, tmp_path: Path) -> None:
    with start("sums:Noisy") as evaluator:
        assert gate(evaluator).mean == 1.0
    text = (tmp_path / "sealed" / "errors.txt").read_text()
    assert text.count("printed What is") == text.count("written") == 4


def test_ctrl_c_is_left_to_the_loop(start: Start) -> None:
    with start() as evaluator:
        assert evaluator.pid is not None
        assert os.getpgid(evaluator.pid) != os.getpgid(0)
        os.kill(evaluator.pid, signal.SIGINT)
        assert gate(evaluator).mean == 1.0


def test_leaving_ends_the_process(start: Start) -> None:
    with start() as evaluator:
        pid = evaluator.pid
        assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_process_ends_when_its_input_closes() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "ratchet.guard.process"],
        stdin=subprocess.DEVNULL,
        env=environment(),
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_malformed_requests_are_refused_and_change_nothing(
    write_charter: Write, tmp_path: Path
) -> None:
    charter = write_charter("sums:Sums")
    draw = {"kind": "draw", "stream": "gate", "n": 2, "draw": 0}
    score = {**draw, "kind": "score", "label": "x"}
    replies = talk(
        draw,
        opening(charter, tmp_path / "sealed"),
        opening(charter, tmp_path / "sealed"),
        {**draw, "n": -1},
        {**draw, "stream": "training"},
        {"kind": "truth"},
        {**score, "answers": ["1"]},
        {**score, "answers": ["1", 2]},
        draw,
        {"kind": "close"},
        draw,
    )
    kinds = [reply["kind"] for reply in replies]
    assert kinds == ["refused", "opened", *["refused"] * 6, "drawn", "closed"]
    assert all(r["error"] and r["hint"] for r in replies if r["kind"] == "refused")
    assert replies[1]["families"] == ["small", "large"]
    assert set(replies[8]["prompts"][0]) == {"item", "text"}
    assert "1 answers to 2 prompts" in replies[6]["error"]
    assert "answers.1" in replies[7]["error"]


def test_a_line_that_is_no_json_is_refused() -> None:
    replies = io.BytesIO()
    serve(io.BytesIO(b"hello\n\xff\n[1]\n"), replies)
    assert [json.loads(r)["kind"] for r in replies.getvalue().splitlines()] == ["refused"] * 3


def test_replies_tell_nothing_but_scores(write_charter: Write, tmp_path: Path) -> None:
    place = {"stream": "gate", "n": 2, "draw": 0}
    replies = talk(
        opening(write_charter("sums:Sums"), tmp_path / "sealed"),
        {"kind": "score", "label": "x", "answers": ["1", "no"], **place},
    )
    assert set(replies[1]) == {"kind", "items", "mark"}
    assert set(replies[1]["mark"]) == {"rows", "hash"}
    assert all(set(i) == {"item", "family", "score", "parsed"} for i in replies[1]["items"])
