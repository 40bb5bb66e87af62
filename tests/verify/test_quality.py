"""Quality by criteria: what a judge is asked, what it says, and what corruption leaves of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.fake.characters import FIRST_ACTION
from ratchet.engine.protocol import Full, Scored
from ratchet.verify.quality import CRITERIA, Quality, RuleJudge, SelfJudge, Shot, corrupt

PAIRS = [("2 + 3", "5"), ("2 + 3", "blue"), ("what", "5")]


class Oracle(FakeEngine):
    """Says yes with a chance that grows with the digits of the last line's query and answer."""

    def __init__(self) -> None:
        super().__init__({"base": Tabular(("x",), lambda text: "")})
        self.create("judge", "base", Full())
        self.asked: list[str] = []

    def score(self, name: str, sequences: Sequence[Sequence[int]], topk: int = 0) -> list[Scored]:
        rows = [self.decode(name, tokens) for tokens in sequences]
        self.asked += rows
        found = []
        for row in rows:
            head, _, word = row.rpartition(" ")
            digits = sum(c.isdigit() for c in head.rpartition("\n")[2])
            yes = (1.0 + digits) / 8.0
            chance = yes if word == "yes" else 1.0 - yes
            logprobs = [-5.0] * (len(row) - 1)
            logprobs[-1] = math.log(chance)
            logprobs[-len(word) - 1 : -1] = [0.0] * len(word)
            found.append(Scored(tuple(logprobs)))
        return found


def test_there_are_two_criteria_of_the_instruction_and_five_of_the_response() -> None:
    assert [c.about for c in CRITERIA] == ["instruction"] * 2 + ["response"] * 5
    assert Quality(1.0, 0.0).mean == pytest.approx(2 / 7)
    assert Quality(0.0, 1.0).mean == pytest.approx(5 / 7)


def test_a_judge_says_the_share_of_yes() -> None:
    engine = Oracle()
    best, worse, odd = SelfJudge(engine, "judge")(PAIRS)
    assert best.instruction == worse.instruction == pytest.approx(3 / 8)
    assert (best.response, worse.response) == pytest.approx((4 / 8, 3 / 8))
    assert odd.instruction == pytest.approx(1 / 8)
    assert len(engine.asked) == len(set(engine.asked)) == 2 * (2 * 2 + 5 * 3)


def test_the_instruction_is_judged_without_the_response() -> None:
    engine = Oracle()
    SelfJudge(engine, "judge")([("2 + 3", "blue")])
    about = [row for row in engine.asked if any(c.question in row for c in CRITERIA[:2])]
    assert len(about) == 4 and not any("blue" in row for row in about)


def test_examples_stand_before_every_pair_and_say_what_they_were_told() -> None:
    engine = Oracle()
    shots = (Shot(("1 + 1", "2"), True, True), Shot(("odd", "3"), False, True))
    SelfJudge(engine, "judge", shots)([("2 + 3", "5")])
    for row in engine.asked:
        lines = row.split("\n")
        response = any(c.question == lines[0] for c in CRITERIA[2:])
        assert lines[1].endswith(" yes") and lines[2].endswith(" yes" if response else " no")
        assert ("Answer: 2" in lines[1]) == response and "2 + 3" in lines[3]


class Sure(Oracle):
    """Gives yes no chance at all."""

    def score(self, name: str, sequences: Sequence[Sequence[int]], topk: int = 0) -> list[Scored]:
        texts = [self.decode(name, row) for row in sequences]
        return [
            Scored((-1e9 if text.endswith("yes") else 0.0,) * (len(text) - 1)) for text in texts
        ]


def test_extreme_log_probabilities_are_no_error() -> None:
    (found,) = SelfJudge(Sure(), "judge")([("a", "b")])
    assert 0.0 < found.mean < 1e-12


def test_form_knows_tasks_and_readable_answers_and_no_truth() -> None:
    judge = RuleJudge(lambda text: "+" in text, str.isdigit)
    right, wrong, word, odd, nothing = judge(
        [("2 + 3", "5"), ("2 + 3", "7"), ("2 + 3", "blue"), ("what", "5"), ("what", "blue")]
    )
    assert right == wrong == Quality(1.0, 1.0)
    assert word == Quality(1.0, 0.0) and odd.mean == pytest.approx(2 / 7)
    assert nothing == Quality(0.0, 0.0)


def test_corruption_keeps_what_it_must_and_loses_the_rest() -> None:
    scores = [Quality(n / 9, 1 - n / 9) for n in range(10)]
    rng = np.random.default_rng(1)
    assert corrupt(scores, "no", rng) == scores
    assert set(corrupt(scores, "constant", rng)) == {Quality(0.5, 0.5)}
    dealt = corrupt(scores, "permuted", rng)
    assert dealt != scores and set(dealt) == set(scores)


def test_the_fake_writes_characters() -> None:
    """The oracle above reads prompts back: tokens of a text are its characters."""
    assert max(Oracle().encode("judge", " yes")) < FIRST_ACTION
