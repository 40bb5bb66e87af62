"""The evaluator finds what must not be trained on, and that it was touched itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ratchet.core.errors import ConfigError, EvaluatorError, TamperedError
from ratchet.core.seeds import Seed
from ratchet.guard.charter import Charter, find_charter
from ratchet.guard.evaluator import Evaluator
from ratchet.worlds.arithmetic import Arithmetic
from ratchet.worlds.functions import Functions
from ratchet.worlds.protocol import Stream, World
from tests.guard.conftest import ROOT, Start
from tests.guard.sums import Adder

WEIGHTS = {"arithmetic": dict.fromkeys(Arithmetic.families, 1.0), "functions": {"near": 1.0}}
LEVELS = {"arithmetic": dict.fromkeys(range(1, 6), 1.0), "functions": {1: 1.0}}


@pytest.mark.parametrize(
    ("name", "world"), [("arithmetic", Arithmetic()), ("functions", Functions())]
)
def test_every_reserved_task_is_found_and_no_open_one(
    name: str, world: World, tmp_path: Path
) -> None:
    rng = Seed(3).rng()
    free = [task.prompt for task in world.tasks(rng, 300)]
    sealed = [
        task.prompt
        for stream in Stream
        for task in world.anchors(rng, 100, stream, WEIGHTS[name], LEVELS[name])
    ]
    with Evaluator(find_charter(name), 0, tmp_path / "sealed") as evaluator:
        assert evaluator.opened.knows_reserved
        assert evaluator.inspect(free).prompts == {}
        assert evaluator.inspect(sealed).prompts == {"reserved": len(sealed)}
        assert evaluator.inspect([*free, f"Hello\n {sealed[0]} \n"]).prompts == {"reserved": 1}


def test_a_world_that_reads_no_tasks_still_knows_the_anchors_of_the_run(start: Start) -> None:
    solver = Adder()
    with start() as evaluator:
        assert not evaluator.opened.knows_reserved
        evaluator.measure(solver, Stream.GATE, 10, 0, Seed(0), "gate")
        seen = solver.prompts
        assert evaluator.inspect(["What is 1 plus 1?"]).prompts == {}
        assert evaluator.inspect([seen[0], seen[1].replace(" ", "\n")]).prompts == {"anchor": 2}
    with start() as resumed:
        assert resumed.inspect(seen).prompts == {"anchor": 10}


def declare(folder: Path, table: str) -> Path:
    path = folder / "charter.toml"
    path.write_text(find_charter("arithmetic").read_text("utf-8") + f"\n[benchmarks]\n{table}\n")
    return path


def test_declared_benchmarks_are_scanned_for(tmp_path: Path) -> None:
    rows = [{"question": "How many apples do 7 boys hold if each holds 3?", "n": [1]}]
    (tmp_path / "gsm.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "plain.txt").write_text("\nWhat is the capital of the smallest country?\n")
    (tmp_path / "tests.py").write_text(
        "def longest(words):\n    best = ''\n    for word in words:\n"
        "        if len(word) > len(best):\n            best = word\n    return best\n"
    )
    charter = declare(tmp_path, 'texts = ["gsm.jsonl", "plain.txt"]\ncode = ["tests.py"]')
    copied = (tmp_path / "tests.py").read_text().replace("word", "w").replace("best", "b")
    with Evaluator(charter, 0, tmp_path / "sealed") as evaluator:
        found = evaluator.inspect(
            ["how many apples do 7 boys hold, if each holds 3", "12 + 13"],
            [copied, "the capital of France", "what is the capital of the smallest country"],
        )
    assert found.prompts == {"benchmark": 1} and found.texts == {"benchmark": 2}


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ('texts = ["absent.txt"]', "no benchmark file .*absent"),
        ('texts = ["empty.txt"]', "benchmark texts empty.txt hold no item"),
        ('code = ["empty.txt"]', "benchmark code empty.txt hold no item"),
        ('texts = ["broken.jsonl"]', "cannot read the benchmark .*broken"),
        ("ngram = 2", "benchmarks.ngram"),
        ("text = []", "unknown key 'benchmarks.text'"),
    ],
)
def test_wrong_benchmarks_are_named_at_the_start(table: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "broken.jsonl").write_text("{")
    with (
        pytest.raises((EvaluatorError, ConfigError), match=named) as caught,
        Evaluator(declare(tmp_path, table), 0, tmp_path / "sealed"),
    ):
        pass
    assert caught.value.hint


def test_a_benchmark_table_is_part_of_the_terms(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six")
    plain = Charter.read(find_charter("arithmetic"))
    assert (
        Charter.read(declare(tmp_path, 'texts = ["a.txt"]')).fixed_hash
        != plain.fixed_hash
        == plain.hash
    )


@pytest.mark.parametrize("touched", ["own_sums.py", "a.txt"])
def test_a_touched_evaluator_is_found_and_named(
    touched: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "a.txt").write_text("one two three four five six")
    (tmp_path / "own_sums.py").write_text(
        "from tests.guard.sums import Sums\nclass Own(Sums): ...\n"
    )
    charter = tmp_path / "charter.toml"
    charter.write_text(
        'objective = "Add."\nworld = "own_sums:Own"\nfamilies = {small = 1.0}\n'
        'levels = {1 = 1.0}\nbenchmarks = {texts = ["a.txt"]}\n'
    )
    with Evaluator(charter, 0, tmp_path / "sealed") as evaluator:
        evaluator.inspect()
        source = evaluator.opened.source
        (tmp_path / touched).write_text((tmp_path / touched).read_text() + "# more\n")
        with pytest.raises(TamperedError, match="evaluator_changed") as caught:
            evaluator.inspect()
        assert caught.value.name == "evaluator_changed" and touched[:5] in caught.value.message
    with Evaluator(charter, 0, tmp_path / "sealed") as evaluator:
        assert evaluator.opened.source != source


def test_damaged_records_of_the_evaluator_are_named(start: Start, tmp_path: Path) -> None:
    with start() as evaluator:
        evaluator.measure(Adder(), Stream.GATE, 5, 0, Seed(0), "gate")
    records = tmp_path / "sealed" / "records.jsonl"
    data = bytearray(records.read_bytes())
    data[1] ^= 1
    records.write_bytes(bytes(data))
    with pytest.raises(EvaluatorError, match=r"records\.jsonl line 1 does not follow"), start():
        pass
