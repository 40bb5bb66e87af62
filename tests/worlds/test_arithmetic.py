from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ratchet.core.seeds import Seed
from ratchet.core.task import Rejection, Task
from ratchet.worlds.arithmetic import (
    EXAMPLES,
    FAMILIES,
    LEVELS,
    Arithmetic,
    canonical,
    parse_expression,
    solve_exactly,
)
from ratchet.worlds.arithmetic.answers import read_integer
from ratchet.worlds.arithmetic.families import LEVELS_OF, list_problems
from ratchet.worlds.arithmetic.proposals import read_prompt
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.protocol import Stream, World

WORLD: World = Arithmetic()
EVEN = dict.fromkeys(FAMILIES, 1.0)
ANY = dict.fromkeys(LEVELS, 1.0)


def rng(*names: str | int) -> np.random.Generator:
    return Seed(3).child(*names).rng()


def stream_of(task: Task) -> Stream | None:
    problem = read_prompt(task.prompt)
    assert problem is not None, task.prompt
    return reserved_stream("arithmetic", canonical(problem.expression))


def test_tasks_are_open_distinct_and_well_formed() -> None:
    tasks = WORLD.tasks(rng("tasks"), 400)
    assert len({task.id for task in tasks}) == 400
    assert all(stream_of(task) is None for task in tasks)
    counts = Counter(task.family for task in tasks)
    assert set(counts.values()) == {50}
    for task in tasks:
        assert (task.world, task.lineage) == ("arithmetic", ())
        read = WORLD.parse(task.prompt)
        assert read == replace(task, lineage=("model",))


def test_a_single_task_is_of_any_family() -> None:
    drawn = {WORLD.tasks(rng("one", i), 1)[0].family for i in range(60)}
    assert drawn == set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_tasks_of_a_family_and_level(family: str) -> None:
    for level in LEVELS_OF[family]:
        tasks = WORLD.tasks(rng(family, level), 12, level=level, family=family)
        assert {(task.family, task.level) for task in tasks} == {(family, level)}
        assert len({task.id for task in tasks}) == 12


def test_tasks_of_a_level_come_from_the_families_that_have_it() -> None:
    tasks = WORLD.tasks(rng("level"), 60, level=5)
    assert {task.family for task in tasks} == {f for f in FAMILIES if 5 in LEVELS_OF[f]}
    assert {task.level for task in tasks} == {5}
    assert WORLD.tasks(rng("level"), 5, level=5, family="one_digit") == []


def test_a_small_family_gives_all_it_has() -> None:
    tasks = WORLD.tasks(rng("all"), 1000, family="one_digit")
    expected = {p.id for p in list_problems("one_digit") if p.stream is None}
    assert {task.id for task in tasks} == expected
    assert len(tasks) == len(expected)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown family 'algebra'"):
        WORLD.tasks(rng(), 1, family="algebra")
    with pytest.raises(ValueError, match="unknown level 9"):
        WORLD.tasks(rng(), 1, level=9)
    with pytest.raises(ValueError, match="unknown family 'algebra'"):
        WORLD.anchors(rng(), 1, Stream.GATE, {"algebra": 1.0}, ANY)
    with pytest.raises(ValueError, match="unknown level 0"):
        WORLD.anchors(rng(), 1, Stream.GATE, EVEN, {0: 1.0})
    with pytest.raises(ValueError, match="no family has a weight"):
        WORLD.anchors(rng(), 1, Stream.GATE, {"carry": 0.0}, ANY)
    with pytest.raises(ValueError, match="finite"):
        WORLD.anchors(rng(), 1, Stream.GATE, {"carry": float("nan")}, ANY)


@pytest.mark.parametrize("stream", list(Stream))
def test_anchors_are_reserved_for_their_stream(stream: Stream) -> None:
    anchors = WORLD.anchors(rng("anchors"), 160, stream, EVEN, ANY)
    assert len({anchor.id for anchor in anchors}) == 160
    assert {stream_of(anchor) for anchor in anchors} == {stream}
    for anchor in anchors:
        read = WORLD.parse(anchor.prompt)
        assert isinstance(read, Rejection) and read.reason == "reserved"


def test_anchor_weights_are_honoured_to_the_item() -> None:
    families = {"words": 3.0, "carry": 1.0, "two_digit": 1.0, "product": 0.0}
    levels = {2: 1.0, 3: 3.0, 1: 1.0}
    anchors = WORLD.anchors(rng("weights"), 100, Stream.FINAL, families, levels)
    counts = Counter((anchor.family, anchor.level) for anchor in anchors)
    assert counts == {
        ("words", 2): 15,
        ("words", 3): 45,
        ("carry", 2): 5,
        ("carry", 3): 15,
        ("two_digit", 1): 20,
    }


def test_an_exhausted_family_gives_what_it_has_and_others_make_it_up() -> None:
    held = sum(p.stream == Stream.FINAL for p in list_problems("one_digit"))
    families = {"one_digit": 3.0, "two_digit": 1.0}
    anchors = WORLD.anchors(rng("dry"), 100, Stream.FINAL, families, ANY)
    counts = Counter(anchor.family for anchor in anchors)
    assert 0 < held < 75
    assert counts == {"one_digit": held, "two_digit": 100 - held}
    alone = WORLD.anchors(rng("dry"), 100, Stream.FINAL, {"one_digit": 1.0}, ANY)
    assert len(alone) == held


def test_anchors_of_a_drawn_family_run_dry_without_hanging() -> None:
    anchors = WORLD.anchors(rng("dry"), 50, Stream.AUDIT, {"precedence": 1.0}, {1: 1.0})
    assert anchors == []


def test_draws_are_functions_of_the_seed() -> None:
    def draw(name: str) -> list[Task]:
        return list(WORLD.anchors(rng(name), 80, Stream.GATE, EVEN, ANY))

    assert draw("a") == draw("a")
    assert draw("a") != draw("b")
    assert WORLD.tasks(rng("a"), 40) == WORLD.tasks(rng("a"), 40)


def test_streams_share_no_problem() -> None:
    forms: dict[str, Stream] = {}
    for stream in Stream:
        for anchor in WORLD.anchors(rng("streams"), 160, stream, EVEN, ANY):
            problem = read_prompt(anchor.prompt)
            assert problem is not None
            assert forms.setdefault(problem.form, stream) == stream


def test_shares_of_the_partition() -> None:
    problems = [p for family in ("two_digit", "carry") for p in list_problems(family)]
    counts = Counter(p.stream for p in problems)
    reserved = len(problems) - counts[None]
    assert reserved / len(problems) == pytest.approx(0.2, abs=0.015)
    for stream, share in ((Stream.GATE, 0.5), (Stream.FINAL, 0.4), (Stream.AUDIT, 0.1)):
        assert counts[stream] / reserved == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize(
    ("prompt", "answer", "passed", "parsed", "feedback"),
    [
        ("12 + 30 * 2", "72", True, True, "correct"),
        ("12 + 30 * 2", "12 + 60 = 72.", True, True, "correct"),
        ("12 + 30 * 2", "84", False, True, "not correct"),
        ("12 + 30 * 2", "72 or 73", False, True, "not correct"),
        ("12 + 30 * 2", "", False, False, "expected a whole number"),
        ("12 + 30 * 2", "seventy-two", False, False, "expected a whole number"),
        ("3 - 12", "-9", True, True, "correct"),
        ("3 - 12", "9", False, True, "not correct"),
        ("999 * 999", "998,001", True, True, "correct"),
        ("Each pack holds 7 pens. How many pens are in 6 packs?", "42 pens", True, True, "correct"),
    ],
)
def test_check(prompt: str, answer: str, passed: bool, parsed: bool, feedback: str) -> None:
    verdict = WORLD.check(Task("", "arithmetic", prompt, "", 1), answer)
    assert (verdict.passed, verdict.parsed, verdict.feedback) == (passed, parsed, feedback)
    assert verdict.reward == float(passed)
    read = read_integer(answer)
    assert verdict.source == "exact"
    assert verdict.evidence == ({} if read is None else {"read": str(read)})


@pytest.mark.parametrize(
    ("world", "prompt"),
    [("arithmetic", "5"), ("arithmetic", "hello"), ("arithmetic", ""), ("elsewhere", "0 + 5")],
)
def test_a_task_that_cannot_be_read_never_passes_and_says_why(world: str, prompt: str) -> None:
    verdict = WORLD.check(Task("", world, prompt, "", 1), "0 + 5")
    assert not verdict.passed and not verdict.parsed
    assert verdict.evidence == {"error": "unreadable_task"}


def test_feedback_never_tells_the_value() -> None:
    for task in WORLD.tasks(rng("feedback"), 50):
        assert not any(map(str.isdigit, WORLD.check(task, "0.5").feedback))
        assert not any(map(str.isdigit, WORLD.check(task, "123456789").feedback))


def test_commutative_variants_are_one_task() -> None:
    ids = set()
    for text in ("7 + 3 * 12", "12 * 3 + 7", "3*12 + 7", "7 + (12 × 3)", "7 - -3 * 12"):
        read = WORLD.parse(text)
        assert isinstance(read, Task)
        ids.add(read.id)
    assert len(ids) == 1


def test_examples_are_open_and_right() -> None:
    assert len(EXAMPLES) >= 3
    for prompt, answer in EXAMPLES:
        task = WORLD.parse(prompt)
        assert isinstance(task, Task)
        assert not isinstance(parse_expression(prompt), str)
        assert WORLD.check(task, answer).passed
        assert solve_exactly(prompt) == int(answer)


def test_solve_exactly_refuses_other_texts() -> None:
    assert solve_exactly("42") is None
    assert solve_exactly("What a day") is None
