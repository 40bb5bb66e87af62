"""Agent0's prompts: open, right, under one limit; the tool inserts, and the policy must answer."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from ratchet.core.errors import ConfigError
from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, StopReason, Task
from ratchet.engine.fake import FakeEngine, Scripted
from ratchet.engine.protocol import Full
from ratchet.recipes.agent0.config import Config
from ratchet.recipes.coevolution.ground import ARITHMETIC, GROUNDS
from ratchet.recipes.coevolution.procedures import CALCULATOR, list_procedures, request
from ratchet.recipes.launch import find_method
from ratchet.solve.rollout import rollout
from ratchet.worlds.arithmetic import Arithmetic, calculate
from ratchet.worlds.protocol import Stream

WORLD = Arithmetic()
SHOT = re.compile(r"Q: (.*)\nA: (.*)\n")
CALL = re.compile(r"<calc>(.+)</calc> \[(-?\d+)\] (-?\d+)")
PROCEDURES = list_procedures(28, 4)
RESERVED = WORLD.anchors(Seed(1).rng(), 1, Stream.GATE, {"precedence": 1.0}, {3: 1.0})[0]


def open_task(text: str) -> Task:
    task = WORLD.parse(text)
    assert isinstance(task, Task), (text, task)
    return task


def attempt(reply: Callable[[str, int], str]) -> Attempt:
    """Have a script attempt 12 + 30 with the tool."""
    engine = FakeEngine({"script": Scripted(reply)})
    engine.create("solver", "script", Full())
    procedure = list_procedures(60, 3)["few_shot_tool"]
    return rollout(engine, "solver", procedure, [open_task("12 + 30")], Seed(1))[0][0]


@pytest.mark.parametrize(("name", "shots"), [("direct", 0), ("few_shot", 5), ("few_shot_tool", 5)])
def test_a_prompt_is_its_worked_examples_and_the_question(name: str, shots: int) -> None:
    template = PROCEDURES[name].template
    assert len(SHOT.findall(template)) == shots
    assert SHOT.sub("", template) == "Q: {prompt}\nA:"


def test_worked_examples_are_open_and_right() -> None:
    plain = SHOT.findall(PROCEDURES["few_shot"].template)
    called = SHOT.findall(PROCEDURES["few_shot_tool"].template)
    in_words = 0
    for (question, answer), (same, call) in zip(plain, called, strict=True):
        expression, result, stated = CALL.fullmatch(call).groups()  # type: ignore[union-attr]
        assert WORLD.check(open_task(expression), answer).passed
        assert question == same and answer == result == stated == calculate(expression)
        if question != expression:
            in_words += 1
            assert re.findall(r"\d+", question) == re.findall(r"\d+", expression)
    assert in_words == 1


@pytest.mark.parametrize("tier", ["smol", "tiny", "gpu"])
def test_the_proposers_examples_are_open_and_distinct(tier: str) -> None:
    config = find_method("agent0").configure(tier)
    assert isinstance(config, Config)
    examples = config.examples or GROUNDS[ARITHMETIC].examples(WORLD)
    assert len(examples) >= 4
    ids = {open_task(example).id for example in examples}
    assert len(ids) == len(examples)


def test_the_request_shows_the_examples_and_reads_the_first_line() -> None:
    asked = request(WORLD, ("8 + 6", "47 - 19"))
    assert asked.template == "Q: 8 + 6\nQ: 47 - 19\nQ:"
    assert asked.read("", " 12 + 30\nQ: 1 + 1") == "12 + 30"


@pytest.mark.parametrize("example", ["a rose", RESERVED.prompt])
def test_an_example_that_is_no_open_task_is_refused(example: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(example)):
        request(WORLD, ("8 + 6", example))


def test_all_procedures_share_one_limit_and_one_question() -> None:
    assert {p.max_tokens for p in PROCEDURES.values()} == {28}
    assert {p.stop for p in PROCEDURES.values()} == {("\n",)}
    assert [p.max_turns for p in PROCEDURES.values()] == [1, 1, 4]
    assert all(p.fill("1 + 1").endswith("Q: 1 + 1\nA:") for p in PROCEDURES.values())


def test_without_the_tool_no_procedure_has_or_shows_it() -> None:
    found = list_procedures(28, 4, tool=None)
    assert list(found) == ["direct", "few_shot"]
    assert all(p.tool is None and "<calc>" not in p.template for p in found.values())


def test_the_tool_inserts_what_it_computes() -> None:
    assert CALCULATOR.call(" <calc>12 + 30</calc>") == " [42]"
    assert CALCULATOR.call("<calc>(2 + 3) * 4</calc>") == f" [{calculate('(2 + 3) * 4')}]"
    assert CALCULATOR.call(" 42\n") is None and CALCULATOR.call("12 + 30</calc>") is None
    broken = CALCULATOR.call("<calc>12 +</calc>")
    assert broken is not None and not re.search(r"\d", broken)


def test_an_answer_after_the_tool_counts() -> None:
    found = attempt(lambda text, _: " 42\n" if text.endswith(" [42]") else "<calc>12 + 30</calc>")
    assert [turn.role for turn in found.turns] == ["user", "policy", "tool", "policy"]
    assert found.turns[2].text == " [42]" and found.tool_calls == 1
    assert WORLD.check(found_task := open_task("12 + 30"), found.answer).passed
    assert found_task.id == found.task_id


def test_what_the_tool_said_is_no_answer() -> None:
    found = attempt(lambda text, _: " well\n" if text.endswith("]") else "<calc>12 + 30</calc>")
    assert found.tool_calls == 1
    assert not WORLD.check(open_task("12 + 30"), found.answer).parsed


def test_what_was_said_before_the_tool_is_no_answer() -> None:
    found = attempt(lambda text, _: " 41\n" if text.endswith("]") else " 42 <calc>12 + 30</calc>")
    assert not WORLD.check(open_task("12 + 30"), found.answer).passed


def test_an_attempt_that_only_calls_has_no_answer() -> None:
    found = attempt(lambda text, _: "<calc>12 + 30</calc>")
    assert found.stop in (StopReason.TURNS, StopReason.LENGTH)
    assert not WORLD.check(open_task("12 + 30"), found.answer).passed
