from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ratchet.core.codec import hash_text
from ratchet.core.errors import EvaluatorError
from ratchet.core.evidence import Scores
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.guard.evaluator import Evaluator
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.protocol import Stream
from tests.guard.conftest import Start
from tests.guard.sums import Adder, Constant, truth

GATE, FINAL, AUDIT = Stream.GATE, Stream.FINAL, Stream.AUDIT


def measure(
    evaluator: Evaluator, solver: Solver, stream: Stream = GATE, n: int = 20, draw: int = 0
) -> Scores:
    sealed = "closing states" if stream is FINAL else ""
    return evaluator.measure(solver, stream, n, draw, Seed(1), "solver", sealed)


def items(scores: Scores) -> list[str]:
    return [score.item for score in scores.items]


def test_one_draw_pairs_two_solvers(start: Start) -> None:
    with start() as evaluator:
        right, wrong = Adder(), Constant("none")
        first, second = measure(evaluator, right), measure(evaluator, wrong)
    assert right.prompts == wrong.prompts
    assert items(first) == items(second)
    assert len(first) == len(set(items(first))) == 20
    assert (first.mean, second.mean) == (1.0, 0.0)
    assert all(score.parsed for score in first.items)
    assert not any(score.parsed for score in second.items)
    assert {family: len(s) for family, s in first.by_family().items()} == {"large": 10, "small": 10}


def test_draws_are_a_function_of_charter_seed_stream_and_number(start: Start) -> None:
    def draws(folder: str, seed: int) -> dict[int, list[str]]:
        with start(seed=seed, folder=folder) as evaluator:
            order = (1, 0) if folder == "again" else (0, 1)
            return {draw: items(measure(evaluator, Adder(), draw=draw)) for draw in order}

    once = draws("once", 0)
    assert draws("again", 0) == once
    assert set(once[0]) != set(once[1])
    assert not set(once[0]) & set(draws("other", 1)[0])


def test_streams_never_share_an_anchor(start: Start) -> None:
    with start() as evaluator:
        seen: dict[Stream, set[str]] = {}
        for stream in Stream:
            solver = Adder()
            scores = measure(evaluator, solver, stream, n=10_000)
            seen[stream] = set(items(scores))
            forms = ["{}+{}".format(*prompt[8:-1].split(" plus ")) for prompt in solver.prompts]
            assert {reserved_stream("sums", form) for form in forms} == {stream}
            assert 0 < len(scores) < 10_000
    assert not seen[GATE] & seen[FINAL] | seen[GATE] & seen[AUDIT] | seen[FINAL] & seen[AUDIT]


def test_items_are_opaque_and_differ_between_seeds(start: Start) -> None:
    plain: set[str] = set()
    shown: list[list[str]] = []
    asked: list[list[str]] = []
    for seed in (0, 1):
        with start(seed=seed, folder=f"sealed-{seed}") as evaluator:
            solver = Adder()
            shown.append(items(measure(evaluator, solver, n=10_000)))
            asked.append(solver.prompts)
    for prompt in asked[0]:
        a, b = prompt[8:-1].split(" plus ")
        for text in (prompt, f"{a}+{b}", f"sums {a}+{b}", hash_text(f"sums {a}+{b}")):
            data = text.encode()
            plain |= {text, hash_text(text), hashlib.blake2b(data).hexdigest()[:32]}
            plain |= {
                hashlib.new(name, data).hexdigest()[:32] for name in ("md5", "sha1", "sha256")
            }
    assert sorted(asked[0]) == sorted(asked[1])
    assert not plain & {*shown[0], *shown[1]}
    assert not set(shown[0]) & set(shown[1])
    assert all(len(item) == 32 for item in shown[0])


def test_scores_equal_an_independent_check(start: Start) -> None:
    class Half:
        """Right on even sums only."""

        def answer(self, prompts: list[str], seed: Seed) -> list[str]:
            sums = [truth(prompt) for prompt in prompts]
            self.right = [total % 2 == 0 for total in sums]
            return [str(total if total % 2 == 0 else total + 1) for total in sums]

    solver = Half()
    with start() as evaluator:
        scores = measure(evaluator, solver, n=60)  # type: ignore[arg-type]
    assert [score.score for score in scores.items] == [float(right) for right in solver.right]
    assert 0.2 < scores.mean < 0.8


def test_answers_to_other_prompts_score_low(start: Start) -> None:
    class Swapped(Adder):
        def answer(self, prompts: object, seed: Seed) -> list[str]:
            right = super().answer(prompts, seed)  # type: ignore[arg-type]
            return right[1:] + right[:1]

    with start() as evaluator:
        assert measure(evaluator, Swapped(), n=60).mean < 0.1


def test_the_solver_gets_its_own_seed_and_its_error_leaves_the_evaluator_whole(
    start: Start,
) -> None:
    class Failing:
        def answer(self, prompts: object, seed: Seed) -> list[str]:
            raise LookupError(str(seed.root))

    with start() as evaluator:
        with pytest.raises(LookupError, match="1"):
            measure(evaluator, Failing())
        assert measure(evaluator, Adder()).mean == 1.0


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        (["1"], "solver: 1 answers to 20 prompts"),
        (["1"] * 21, "solver: 21 answers to 20 prompts"),
        (["1"] * 19 + [2], "solver: answer 19 is a int"),
        ("12345678901234567890", "solver: 20 answers to 20 prompts"),
    ],
)
def test_wrong_answers_are_refused(start: Start, answers: object, named: str) -> None:
    class Wrong:
        def answer(self, prompts: object, seed: Seed) -> object:
            return answers

    with start() as evaluator:
        with pytest.raises(EvaluatorError, match=named) as caught:
            measure(evaluator, Wrong())  # type: ignore[arg-type]
        assert caught.value.hint
        assert measure(evaluator, Adder()).mean == 1.0


@pytest.mark.parametrize("text", ["", "\ud800 7", "a\nb\r\u2028\0", "é" * 200_000])
def test_any_text_is_an_answer(start: Start, text: str) -> None:
    with start() as evaluator:
        assert measure(evaluator, Constant(text), n=2).mean == 0.0
        assert measure(evaluator, Adder()).mean == 1.0


def test_an_empty_draw_asks_nobody(start: Start) -> None:
    with start() as evaluator:
        assert measure(evaluator, Constant("1"), n=0) == Scores(())


def test_measuring_needs_a_running_evaluator(start: Start) -> None:
    evaluator = start()
    with pytest.raises(EvaluatorError, match="not running"):
        measure(evaluator, Adder())


def test_records_hold_what_the_scores_do_not(start: Start, tmp_path: Path) -> None:
    records = tmp_path / "sealed" / "records.jsonl"
    with start() as evaluator:
        scores = measure(evaluator, Adder(), n=4)
    rows = [json.loads(line) for line in records.read_text().splitlines()]
    drawn, scored = rows[:4], rows[4:]
    assert [row["kind"] for row in rows] == ["draw"] * 4 + ["score"] * 4
    assert [row["item"] for row in drawn] == [row["item"] for row in scored] == items(scores)
    for row in scored:
        assert (row["label"], row["stream"], row["draw"]) == ("solver", "gate", 0)
        assert int(row["answer"]) == truth(row["prompt"])
        assert row["verdict"]["passed"] is True


def test_a_record_cut_by_a_kill_is_dropped(start: Start, tmp_path: Path) -> None:
    records = tmp_path / "sealed" / "records.jsonl"
    with start() as evaluator:
        measure(evaluator, Adder(), n=4)
    whole = records.read_text()
    records.write_text(whole + '{"kind": "sco')
    with start() as evaluator:
        measure(evaluator, Adder(), n=4)
    text = records.read_text()
    assert text.startswith(whole)
    assert len([json.loads(line) for line in text.splitlines()]) == 16
