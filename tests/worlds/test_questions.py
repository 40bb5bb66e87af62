from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ratchet.core.errors import ConfigError
from ratchet.core.seeds import Seed
from ratchet.core.task import Rejection, Task
from ratchet.worlds.conformance import CHECKS, check_world
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.protocol import Stream
from ratchet.worlds.questions import (
    Question,
    Questions,
    open_questions,
    read_arc,
    read_gsm8k,
)

ROWS = [Question(f"How many legs have {n} cats?", str(4 * n), "number") for n in range(2, 900)]
ROWS += [
    Question(f"Which is {n}?\nA. {n + 1}\nB. {n}\nC. {n + 2}", "B", "choice") for n in range(900)
]


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_it_is_a_world() -> None:
    assert check_world(Questions("quiz", ROWS)) == list(CHECKS)


def test_gsm8k_is_read_and_graded(tmp_path: Path) -> None:
    row = {
        "question": "Two hens lay 3 eggs each. How many?",
        "answer": "2*3=<<2*3=6>>6\n#### 1,006",
    }
    path = write(tmp_path / "test.jsonl", row)
    (question,) = read_gsm8k(path)
    assert question.answer == "1006"
    world = Questions("gsm8k", [question])
    task = Task(next(iter(world._by_id)), "gsm8k", question.prompt, "number", 1)
    assert world.check(task, "So it is $1,006.00.").passed
    assert not world.check(task, "6").passed
    assert not world.check(task, "no idea").parsed


@pytest.mark.parametrize("nested", [False, True])
def test_arc_is_read_in_both_shapes_and_graded(tmp_path: Path, nested: bool) -> None:
    labels, texts = ["A", "B", "C", "D"], ["sun", "moon", "rain", "wind"]
    listed = [{"label": a, "text": b} for a, b in zip(labels, texts, strict=True)]
    question: object = {"stem": "What shines?", "choices": listed} if nested else "What shines?"
    row = {"question": question, "answerKey": "A"}
    if not nested:
        row["choices"] = {"label": labels, "text": texts}
    (read,) = read_arc(write(tmp_path / "arc.jsonl", row))
    assert read.prompt == "What shines?\nA. sun\nB. moon\nC. rain\nD. wind"
    world = Questions("arc", [read])
    task = Task(next(iter(world._by_id)), "arc", read.prompt, "choice", 1)
    for text, passed in (("(A)", True), ("B? No: A.", True), ("A, or D", False)):
        assert world.check(task, text).passed is passed, text


@pytest.mark.parametrize(
    ("reader", "line"),
    [
        (read_gsm8k, '{"question": "How many?", "answer": "six"}'),
        (read_gsm8k, "not json"),
        (read_arc, '{"question": "What?", "answerKey": "A"}'),
        (read_arc, '["a"]'),
    ],
)
def test_other_shapes_are_refused_with_the_line(tmp_path: Path, reader, line: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n" + line + "\n")
    with pytest.raises(ConfigError, match="line 2: expected"):
        reader(path)
    with pytest.raises(ConfigError, match="cannot read"):
        reader(tmp_path / "absent.jsonl")


def test_rows_keep_their_side_and_models_add_none() -> None:
    world = Questions("quiz", ROWS)
    opened = world.tasks(Seed(1).rng(), 10_000)
    assert all(reserved_stream("quiz", " ".join(t.prompt.lower().split())) is None for t in opened)
    anchor = world.anchors(Seed(1).rng(), 1, Stream.FINAL, {"number": 1.0}, {1: 1.0})[0]
    again = world.parse(anchor.prompt.upper())
    assert isinstance(again, Rejection) and again.reason == "reserved"
    assert world.parse("How many legs has a snake?") == Rejection(
        "unknown_question", "How many legs has a snake?"
    )


def test_without_a_file_the_hub_is_asked_for_the_test_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, str, str]] = []
    published = {
        "openai/gsm8k": {"question": "1 + 1?", "answer": "#### 2"},
        "allenai/ai2_arc": {
            "question": "What shines?",
            "choices": {"label": ["A", "B"], "text": ["sun", "moon"]},
            "answerKey": "A",
        },
    }

    def load_dataset(home: str, part: str, split: str) -> list[object]:
        asked.append((home, part, split))
        return [published[home]]

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    assert open_questions("gsm8k").families == ("number",)
    assert open_questions("arc").families == ("choice",)
    assert asked == [
        ("openai/gsm8k", "main", "test"),
        ("allenai/ai2_arc", "ARC-Challenge", "test"),
    ]
    published["openai/gsm8k"] = {"question": "1 + 1?", "answer": "2"}
    with pytest.raises(ConfigError, match="openai/gsm8k, row 0: expected a question"):
        open_questions("gsm8k")


def test_a_missing_package_or_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ConfigError, match="is not installed") as missing:
        open_questions("gsm8k")
    assert "pip install" in missing.value.hint and "--data FILE" in missing.value.hint

    def load_dataset(home: str, part: str, split: str) -> list[object]:
        raise ConnectionError("no route to the hub")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(ConfigError, match="cannot be fetched: no route") as offline:
        open_questions("arc")
    assert "--data FILE" in offline.value.hint
