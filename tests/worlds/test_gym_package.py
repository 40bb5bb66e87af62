"""The world of reasoning-gym on the package itself: truth, determinism, safety, measurement."""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bench.gym_truth import compare
from ratchet.core.seeds import Seed
from ratchet.guard.charter import find_charter
from ratchet.guard.evaluator import Evaluator
from ratchet.worlds.conformance import CHECKS, NASTY_TEXTS, check_world
from ratchet.worlds.gym import FAMILIES, LEVELS_OF, ReasoningGym
from ratchet.worlds.gym.bank import answer_of, open_bank, score
from ratchet.worlds.protocol import Stream
from tests.guard.sums import Constant

pytestmark = pytest.mark.slow

CELLS = [(family, level) for family, levels in LEVELS_OF.items() for level in levels]
PARSERS = {"eval", "exec", "literal_eval", "parse_expr", "sympify", "simplify", "loads", "compile"}


def test_it_keeps_the_contract_of_a_world() -> None:
    assert check_world(ReasoningGym()) == list(CHECKS)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_it_holds_for_true_can_be_derived_from_the_question(family: str) -> None:
    for level in LEVELS_OF[family]:
        found = compare(family, level)
        assert found.compared >= 100 and found.differ == 0, found.example


def test_the_derivation_finds_what_is_wrong_in_what_was_left_out() -> None:
    assert compare("basic_arithmetic", 4).differ > 10
    assert compare("syllogism", 3).differ > 50


@pytest.mark.parametrize(("family", "level"), CELLS)
def test_what_it_holds_for_true_gets_full_marks_and_nasty_texts_get_none(
    family: str, level: int
) -> None:
    problems = list(open_bank(family, level).values())
    assert all(score(problem, answer_of(problem)) == 1.0 for problem in problems[:200])
    for text in NASTY_TEXTS:
        assert 0.0 <= score(problems[0], text) < 1.0
    reserved = sum(problem.stream is not None for problem in problems) / len(problems)
    assert reserved == pytest.approx(0.2, abs=0.1)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_answer_is_parsed_as_code(family: str) -> None:
    from reasoning_gym.factory import DATASETS

    made, _ = DATASETS[family]
    source = textwrap.dedent(inspect.getsource(made.score_answer))
    called = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    names = {getattr(func, "attr", getattr(func, "id", "")) for func in called}
    assert names and not names & PARSERS


def test_questions_are_the_same_under_another_hash_seed() -> None:
    code = (
        "import hashlib; from ratchet.worlds.gym.bank import answer_of, open_bank;"
        f"cells = [(f, n) for f, n in {CELLS!r} if n < 3];"
        "texts = [(q, answer_of(p)) for c in cells for q, p in list(open_bank(*c).items())[:50]];"
        "print(hashlib.sha256(repr(texts).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(digests) == 1 and len(digests.pop().strip()) == hashlib.sha256().digest_size * 2


@pytest.mark.parametrize("name", ["reasoning_gym", "reasoning_gym_small"])
def test_the_evaluator_measures_on_it(name: str, tmp_path: Path) -> None:
    with Evaluator(find_charter(name), 0, tmp_path / "sealed") as evaluator:
        draws = [
            evaluator.measure(Constant("1"), Stream.GATE, 100, draw, Seed(0), "one")
            for draw in (0, 1)
        ]
    shares = {family: len(some) / 100 for family, some in draws[0].by_family().items()}
    assert shares == pytest.approx(evaluator.charter.families, abs=0.011)
    assert 0.0 < draws[0].mean < 0.3
    first, second = ({score.item for score in draw.items} for draw in draws)
    assert first != second
