"""Nouns to JSON and back, and what is hashed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ratchet.core.codec import (
    canonical_json,
    from_data,
    hash_data,
    hash_files,
    hash_text,
    to_data,
)
from ratchet.core.evidence import Decision, Evidence, ItemScore, Scores, Verb
from ratchet.core.findings import (
    AskApproval,
    Continue,
    Finding,
    Halt,
    Reject,
    Restart,
    Reweight,
    Rollback,
    SetParameter,
)
from ratchet.core.records import Evaluation, Line, Record, Trace, Transition
from ratchet.core.seeds import Seed
from ratchet.core.state import Candidate, Component, State
from ratchet.core.task import Attempt, Cost, Rejection, StopReason, Task, Turn, Verdict

TASK = Task("id", "arithmetic", "1 + 2 \N{MINUS SIGN} é", "carry", 3, ("seed", "model"))
TURNS = (Turn("user", "q", (1, 2)), Turn("policy", "a", (3,), (-0.1,)), Turn("tool", "t", (4,)))
ATTEMPT = Attempt("id", "v0", TURNS, "3", StopReason.TURNS, 1, Cost(5, 6, 1))
VERDICT = Verdict(0.5, True, False, "judge", "no", {"read": "3", "votes": 0.25})
TRACE = Trace(TASK, ATTEMPT, VERDICT, "solver", {"p": 0.5})
EVALUATION = Evaluation("(+ x 2)", 0.1, "parent", "slow", {"rows": 3.0})
TRANSITION = Transition((0.1, 0.2), (1.0,), -0.5, (0.3, 0.4), True)
SCORES = Scores((ItemScore("a", "near", 0.5, True), ItemScore("b", "far", 0.0, False)))
ACTIONS = (
    Continue(),
    SetParameter("level", 2.5),
    SetParameter("rule", "hint"),
    SetParameter("retry", True),
    Reweight({"easy": 0.2, "hard": 0.8}),
    Restart("proposer"),
    Reject(),
    AskApproval(),
    Rollback(2),
    Halt(),
)
STATE = State({"policy": Component("policy", "aa"), "pool": Component("pool", "bb")})
NOUNS: tuple[Any, ...] = (
    TASK,
    Rejection("reserved", "1 + 1"),
    *TURNS,
    Cost(1, 2, 3),
    ATTEMPT,
    VERDICT,
    TRACE,
    EVALUATION,
    TRANSITION,
    *(Finding("name", "said", action, {"n": 1.0}) for action in ACTIONS),
    ItemScore("a", "near", 0.5, True),
    SCORES,
    Evidence("gate", SCORES, SCORES),
    Decision(Verb.HOLD, "why", {"gain": 0.1}),
    Component("policy", "aa"),
    STATE,
    Candidate(STATE, (TRACE, EVALUATION), (Finding("a", "b", Halt()),), {"x": 1.0}),
    Seed(3, ("a", "#1")),
)


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: type(noun).__name__)
def test_every_noun_survives_json(noun: Any) -> None:
    data = json.loads(json.dumps(to_data(noun)))
    back = from_data(type(noun), data)
    assert back == noun
    assert to_data(back) == data


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: str(action.kind))
def test_an_action_keeps_its_type_and_value(action: Any) -> None:
    back = from_data(Finding, json.loads(json.dumps(to_data(Finding("a", "b", action)))))
    assert type(back.action) is type(action)
    if isinstance(action, SetParameter):
        assert isinstance(back.action, SetParameter)
        assert type(back.action.value) is type(action.value)


@pytest.mark.parametrize("record", [TRACE, EVALUATION, TRANSITION])
def test_a_records_tag_tells_which_it_is(record: Record) -> None:
    data = to_data(record)
    assert from_data(Line, {"record": data}).record == record
    for wrong in ({**data, "kind": "rumour"}, {k: v for k, v in data.items() if k != "kind"}):
        with pytest.raises(ValidationError):
            from_data(Line, {"record": wrong})


def test_data_of_another_shape_is_refused() -> None:
    with pytest.raises(ValidationError):
        from_data(Task, {"id": "only"})
    with pytest.raises(ValidationError):
        from_data(Turn, {**to_data(TURNS[0]), "role": "bystander"})


def test_canonical_json_has_one_text_for_equal_data() -> None:
    assert canonical_json({"b": 1, "a": [True, None, "é"]}) == '{"a":[true,null,"\\u00e9"],"b":1}'
    assert canonical_json({"b": 1, "a": 2}) == canonical_json({"a": 2, "b": 1})
    for number in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            canonical_json({"x": number})


def test_hashes_are_32_hex_digits_and_stay_what_they_are() -> None:
    assert hash_data({"b": 1, "a": 2}) == hash_text('{"a":2,"b":1}')
    assert hash_text("ratchet") == "26e16114ae6f49d9b0e142767c267046"
    code = "from ratchet.core.codec import hash_data; print(hash_data({'b': [1], 'a': 'x'}))"
    shown = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert shown == {hash_data({"a": "x", "b": [1]})}


def test_the_hash_of_a_folder_is_over_names_and_contents(tmp_path: Path) -> None:
    def fold(name: str, files: dict[str, str]) -> str:
        folder = tmp_path / name
        for place, text in files.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_text(text)
        return hash_files(folder)

    whole = fold("a", {"x": "1", "sub/y": "2"})
    assert whole == fold("b", {"sub/y": "2", "x": "1"})
    others = [
        fold("c", {"x": "1", "sub/y": "3"}),
        fold("d", {"z": "1", "sub/y": "2"}),
        fold("e", {"x": "1", "y": "2"}),
        fold("f", {"x": "2", "sub/y": "1"}),
        fold("g", {"x": "1"}),
        fold("h", {"x": "1", "sub/y": ""}),
        fold("i", {"x": "1", "sup/y": "2"}),
    ]
    assert len({whole, *others}) == 8
