"""Retry policies against a script that records what it was shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.engine.fake import FakeEngine, Scripted
from ratchet.engine.protocol import Full
from ratchet.solve.retry import Asking, Retry, RetrySolver, Tried, continue_from, retry

TASK = Task("t", "countdown", "Make 24 from 3, 8", "two", 1)
ASKING = Asking(max_tokens=40)


class Script:
    """Fails with 3 + 8 until the n-th answer, which is right."""

    def __init__(self, right_at: int, notes: str = "check the product") -> None:
        self.right_at, self.notes = right_at, notes
        self.shown: list[str] = []
        self.greedy: list[bool] = []
        self.answers = 0

    def reply(self, prompt: str, number: int) -> str:
        self.shown.append(prompt)
        self.greedy.append(number == 0)
        if not prompt.endswith("Answer:"):
            return f" {self.notes}\n"
        self.answers += 1
        return " 3 * 8\n" if self.answers >= self.right_at else " 3 + 8\n"


def attempt(
    script: Script,
    kind: Retry,
    check: Callable[[str, str], bool | None] = lambda prompt, answer: answer == "3 * 8",
    tries: int = 3,
    tokens: int = 0,
) -> Tried:
    engine = FakeEngine({"script": Scripted(script.reply)})
    engine.create("p", "script", Full())
    return retry(engine, "p", kind, ASKING, [TASK], check, Seed(1), tries, tokens)[0]


def test_append_shows_every_failed_attempt() -> None:
    script = Script(3)
    tried = attempt(script, Retry.APPEND)
    assert script.shown[2] == f"Problem: {TASK.prompt}\nDraft: 3 + 8\nDraft: 3 + 8\nAnswer:"
    assert tried.passed and tried.answer == "3 * 8" and len(tried.attempts) == 3
    assert tried.attempts[2].turns[0].text == script.shown[2]


def test_restart_shows_nothing() -> None:
    script = Script(3)
    attempt(script, Retry.RESTART)
    assert set(script.shown) == {f"Problem: {TASK.prompt}\nAnswer:"}


def test_a_solved_task_is_not_tried_again() -> None:
    script = Script(1)
    assert len(attempt(script, Retry.APPEND).attempts) == 1 and len(script.shown) == 1


def test_correction_labels_the_last_attempt() -> None:
    script = Script(2)
    attempt(script, Retry.CORRECTION)
    assert script.shown[1].endswith("Draft: 3 + 8\nVerdict: wrong\nAnswer:")


@pytest.mark.parametrize(
    ("kind", "request_", "shown"),
    [
        (Retry.FILTER, "Useful:", "Useful: check the product\nAnswer:"),
        (Retry.REVISE, "Revised:", "Draft: check the product\nAnswer:"),
        (Retry.LESSON, "Lesson:", "Lesson: check the product\nAnswer:"),
    ],
)
def test_notes_are_asked_for_and_shown_without_the_draft(
    kind: Retry, request_: str, shown: str
) -> None:
    script = Script(2)
    tried = attempt(script, kind)
    assert script.shown[1].endswith(f"Draft: 3 + 8\n{request_}")
    assert script.shown[2] == f"Problem: {TASK.prompt}\n{shown}"
    plain = sum(a.cost.tokens for a in tried.attempts)
    assert tried.cost.tokens > plain, "the call that wrote the note is not charged"


def test_a_lesson_never_carries_the_failed_attempt() -> None:
    script = Script(2, notes="do not write 3+8 again")
    attempt(script, Retry.LESSON)
    assert script.shown[2] == f"Problem: {TASK.prompt}\nAnswer:"
    long = Script(2, notes="multiply. Then rest.")
    attempt(long, Retry.LESSON)
    assert "Lesson: multiply\n" in long.shown[2]


def test_detect_asks_the_model_only_where_nobody_can_tell() -> None:
    known = Script(3)
    attempt(known, Retry.DETECT)
    assert not any(text.endswith("Verdict:") for text in known.shown)
    sure = Script(9, notes="right")
    tried = attempt(sure, Retry.DETECT, lambda prompt, answer: None)
    assert len(tried.attempts) == 1 and tried.answer == "3 + 8" and tried.passed is None
    doubting = Script(2, notes="wrong")
    tried = attempt(doubting, Retry.DETECT, lambda prompt, answer: None, tries=2)
    assert tried.answer == "3 * 8"
    assert doubting.shown[2] == f"Problem: {TASK.prompt}\nAnswer:"


@pytest.mark.parametrize("kind", list(Retry))
def test_no_policy_goes_beyond_its_tokens(kind: Retry) -> None:
    one = len(f"Problem: {TASK.prompt}\nAnswer:") + 8
    tried = attempt(Script(99), kind, tries=50, tokens=6 * one)
    assert tried.cost.prompt_tokens + tried.cost.tokens <= 6 * one
    assert 2 <= len(tried.attempts) < 50
    alone = attempt(Script(99), kind, tries=50, tokens=1)
    assert len(alone.attempts) == 1, "the first attempt is always made"


def test_restart_gets_more_attempts_than_append_for_the_same_tokens() -> None:
    appended = attempt(Script(99), Retry.APPEND, tries=50, tokens=600)
    restarted = attempt(Script(99), Retry.RESTART, tries=50, tokens=600)
    assert len(restarted.attempts) > len(appended.attempts)


def test_one_attempt_after_a_given_draft() -> None:
    script = Script(1)
    engine = FakeEngine({"script": Scripted(script.reply)})
    engine.create("p", "script", Full())
    tasks, drafts = [TASK, TASK], ["8 - 3", "8 / 3"]
    found = continue_from(engine, "p", Retry.APPEND, ASKING, tasks, drafts, Seed(1))
    assert [t.answer for t in found] == ["3 * 8", "3 * 8"]
    assert script.shown[1].endswith("Draft: 8 / 3\nAnswer:")
    sure = Script(1, notes="right")
    engine = FakeEngine({"script": Scripted(sure.reply)})
    engine.create("p", "script", Full())
    kept = continue_from(engine, "p", Retry.DETECT, ASKING, tasks, drafts, Seed(1))
    assert [t.answer for t in kept] == drafts


def test_a_solver_sees_prompts_and_its_check_only() -> None:
    script = Script(2)
    engine = FakeEngine({"script": Scripted(script.reply)})
    engine.create("p", "script", Full())
    solver = RetrySolver(engine, "p", Retry.RESTART, ASKING, lambda p, a: a == "3 * 8")
    assert solver.answer([TASK.prompt], Seed(1)) == ["3 * 8"]
    assert script.greedy == [True, False], "a greedy restart would repeat itself"
