"""Monitors in the loop: what is done at the first alarm and the next, in controls, and at start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from ratchet.core.evidence import Decision, Ending, Verb
from ratchet.core.findings import Action, AskApproval, Continue, Finding, Halt, Reject
from ratchet.core.records import Evaluation, Records
from ratchet.loop.gate import ask_approval
from ratchet.loop.monitor import Alarm, Past, Reading, Seen, judge_all, read_all, try_out


@dataclass(frozen=True)
class Low:
    """Fires when the newest program scores below a mark."""

    mark: float = 0.5
    actions: tuple[Action, ...] = (Reject(), Halt())
    name: str = "low"

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        return {"score": sum(r.score for r in window[-1] if isinstance(r, Evaluation))}

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        score = readings[-1].numbers["score"]
        return Alarm(f"{score} is low", {"score": score}) if score < self.mark else None

    def planted(self) -> Sequence[Seen]:
        return [Seen([Evaluation("x", 0.5)]), Seen([Evaluation("x", 0.49)])]


def act(monitor: Low, *scores: float, acting: bool = True) -> list[Action]:
    history = [Past(read_all([monitor], [[Evaluation("x", score)]])) for score in scores]
    return [finding.action for finding in judge_all([monitor], history, acting)]


@pytest.mark.parametrize(
    ("scores", "action"),
    [
        ((0.9, 0.1), Reject()),
        ((0.1,), Reject()),
        ((0.1, 0.1), Halt()),
        ((0.1, 0.1, 0.1, 0.1), Halt()),
        ((0.1, 0.1, 0.9, 0.1), Reject()),
    ],
)
def test_an_alarm_again_asks_for_more(scores: Sequence[float], action: Action) -> None:
    assert act(Low(), *scores) == [action]
    assert act(Low(actions=(Reject(),)), *scores) == [Reject()]
    assert act(Low(), *scores, 0.9) == []


def test_in_a_control_monitors_only_tell() -> None:
    assert act(Low(), 0.1, acting=False) == [Continue()]
    (finding,) = judge_all([Low()], [Past({"low": {"score": 0.25}})], act=False)
    assert (finding.name, finding.message) == ("low", "0.25 is low")
    assert finding.measures == {"score": 0.25}


def test_only_silence_and_then_an_alarm_is_alive() -> None:
    assert try_out([Low(), Low(mark=0.2, name="deaf"), Low(mark=0.9, name="shrill")], 3) == {
        "low": True,
        "deaf": False,
        "shrill": False,
    }


def test_a_window_is_no_longer_than_the_runs() -> None:
    lengths: list[int] = []

    class Counting(Low):
        def read(self, window: Sequence[Records]) -> Mapping[str, float]:
            lengths.append(len(window))
            return super().read(window)

        def planted(self) -> Sequence[Seen]:
            return [Seen([Evaluation("x", 1.0)])] * 4 + [Seen([])]

    assert try_out([Counting()], 3) == {"low": True} and lengths == [1, 2, 3, 3, 3]


def test_a_promotion_that_someone_should_see_waits() -> None:
    asks = [Finding("capability_jump", "x", AskApproval()), Finding("other", "x", Continue())]
    promoted = Decision(Verb.PROMOTE, "better", {"gain": 0.3}, tests=1)
    waits = ask_approval(promoted, asks)
    assert (waits.verb, waits.ends) == (Verb.HALT, Ending.NEEDS_APPROVAL)
    assert waits.reason == "better; capability_jump asks for approval"
    assert (waits.measures, waits.tests) == (promoted.measures, 1)
    assert ask_approval(promoted, asks[1:]) == promoted
    held = Decision(Verb.HOLD, "not yet")
    assert ask_approval(held, asks) == held
