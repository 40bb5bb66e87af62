"""Rollouts on a scripted policy: turns, tools, limits, order and costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, Cost, StopReason, Task, Verdict
from ratchet.engine.fake import FakeEngine, Scripted, Tabular
from ratchet.engine.protocol import Full, Optim, Sampling
from ratchet.learn.grpo import grpo
from ratchet.learn.rows import row_of
from ratchet.learn.step import step
from ratchet.loop.policies import close_policies, create_policies, opened
from ratchet.loop.versions import Store
from ratchet.solve.procedure import Counted, Procedure, Tool
from ratchet.solve.rollout import PolicySolver, rollout
from ratchet.solve.stored import StoredSolver
from ratchet.worlds.arithmetic import calculate

CALC = Tool("<calc>", "</calc>", calculate, " = {result}\n")
TASKS = [Task(f"t{i}", "w", prompt, "f", 1) for i, prompt in enumerate(("2 + 3", "4 * 5", "9"))]


def scripted(reply: Callable[[str, int], str]) -> FakeEngine:
    engine = FakeEngine({"script": Scripted(reply)})
    engine.create("p", "script", Full())
    return engine


def caller(text: str, seed: int) -> str:
    """Calls the tool on the last line, and once it has a result, answers with it."""
    if "=" in text:
        return f"so {text.rstrip().rpartition(' ')[2]}\n"
    return f"<calc>{text.rpartition(': ')[2]}</calc> and more"


def tooled(max_turns: int = 2, max_tokens: int = 60) -> Procedure:
    return Procedure("tool", "Q: {prompt}", max_tokens=max_tokens, max_turns=max_turns, tool=CALC)


def one(engine: FakeEngine, procedure: Procedure, task: Task = TASKS[0]) -> Attempt:
    return rollout(engine, "p", procedure, [task], Seed(1))[0][0]


def test_a_tools_result_is_inserted_and_the_policy_goes_on() -> None:
    attempt = one(scripted(caller), tooled())
    assert [(turn.role, turn.text) for turn in attempt.turns] == [
        ("user", "Q: 2 + 3"),
        ("policy", "<calc>2 + 3</calc>"),
        ("tool", " = 5\n"),
        ("policy", "so 5\n"),
    ]
    # A tool cannot answer: what is read is the policy's last turn.
    assert attempt.answer == "so 5\n"
    assert (attempt.stop, attempt.tool_calls) == (StopReason.END, 1)
    assert (attempt.task_id, attempt.policy) == ("t0", "p")


@pytest.mark.parametrize(("max_turns", "runs"), [(2, 1), (1, 0)])
def test_the_tool_runs_once_for_each_result_inserted(max_turns: int, runs: int) -> None:
    counted = Counted(CALC.run)
    procedure = replace(tooled(max_turns), tool=replace(CALC, run=counted))
    assert one(scripted(caller), procedure).tool_calls == counted.calls == runs


def test_only_policy_tokens_are_trained_on() -> None:
    attempt = one(scripted(caller), tooled())
    row = row_of(Trace(TASKS[0], attempt, Verdict(1.0, True, True, "exact"), "solver"))
    whole = "Q: 2 + 3<calc>2 + 3</calc> = 5\nso 5\n"
    assert "".join(map(chr, row.tokens)) == whole
    trained = "".join(chr(t) for t, w in zip(row.tokens, row.weights, strict=True) if w)
    assert trained == "<calc>2 + 3</calc>so 5\n"
    assert all(len(t.logprobs) == len(t.tokens) for t in attempt.turns if t.role == "policy")
    assert all(not t.logprobs for t in attempt.turns if t.role != "policy")


def test_a_call_in_the_last_turn_stops_there() -> None:
    attempt = one(scripted(caller), tooled(max_turns=1))
    assert (attempt.stop, attempt.tool_calls) == (StopReason.TURNS, 0)
    assert [turn.role for turn in attempt.turns] == ["user", "policy"]
    endless = one(scripted(lambda text, seed: "<calc>1</calc>"), tooled(3, 500))
    assert (endless.stop, endless.tool_calls) == (StopReason.TURNS, 2)
    assert [turn.role for turn in endless.turns[1:]] == ["policy", "tool"] * 2 + ["policy"]
    assert endless.answer == "", "a call is no answer"


def test_the_token_limit_is_for_all_turns_together() -> None:
    def long(text: str, seed: int) -> str:
        return "x" * 50 if "=" in text else "<calc>2 + 3</calc>"

    attempt = one(scripted(long), tooled(max_tokens=30))
    written = [turn.text for turn in attempt.turns if turn.role == "policy"]
    assert [len(text) for text in written] == [18, 12]
    assert (attempt.stop, attempt.cost.tokens) == (StopReason.LENGTH, 30)
    exact = one(scripted(long), tooled(max_tokens=18))
    assert (exact.stop, exact.tool_calls) == (StopReason.LENGTH, 0)
    assert [turn.role for turn in exact.turns] == ["user", "policy"]
    cut = one(scripted(long), tooled(max_tokens=10))
    assert (cut.stop, cut.answer) == (StopReason.LENGTH, "<calc>2 + ")


def test_rows_with_unlike_allowances_go_on_in_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is asked once, and each attempt goes on with what is left of its own tokens."""
    calls: list[tuple[int, bool]] = []
    sample = FakeEngine.sample

    def watched(
        self: FakeEngine, name: str, prompts: Any, sampling: Sampling, follow: Any = None
    ) -> Any:
        calls.append((sampling.max_tokens, follow is not None))
        return sample(self, name, prompts, sampling, follow)

    monkeypatch.setattr(FakeEngine, "sample", watched)

    def long(text: str, seed: int) -> str:
        return "x" * 50 if "=" in text else caller(text, seed)

    groups = rollout(scripted(long), "p", tooled(max_tokens=30), TASKS, Seed(1))
    assert [attempt.cost.tokens for (attempt,) in groups] == [30, 30, 30]
    assert [call for call in calls if call[1]] == [(30, True)]
    left = [30 - len(f"<calc>{task.prompt}</calc>") for task in TASKS]
    assert [tokens for tokens, _ in calls[2:]] == left and len(set(left)) == 2


def test_costs_count_what_was_read_written_and_called() -> None:
    attempt = one(scripted(caller), tooled())
    prompt, first, result, second = (len(turn.tokens) for turn in attempt.turns)
    assert attempt.cost == Cost(prompt + prompt + first + result, first + second, 1)


def test_attempts_come_back_by_task_in_order() -> None:
    def reply(text: str, seed: int) -> str:
        # Some call the tool and some do not, so that rows part ways.
        return caller(text, seed) if seed % 2 or "=" in text else f"{seed % 97}\n"

    groups = rollout(scripted(reply), "p", tooled(3), TASKS, Seed(2), k=6)
    assert [[attempt.task_id for attempt in group] for group in groups] == [
        [task.id] * 6 for task in TASKS
    ]
    for task, group in zip(TASKS, groups, strict=True):
        assert {attempt.tool_calls for attempt in group} == {0, 1}
        for attempt in group:
            assert attempt.turns[0].text == f"Q: {task.prompt}"
            if attempt.tool_calls:
                assert attempt.answer == f"so {calculate(task.prompt)}\n"
    assert rollout(scripted(reply), "p", tooled(3), TASKS, Seed(2), k=6) == groups
    assert rollout(scripted(reply), "p", tooled(3), TASKS, Seed(3), k=6) != groups
    assert rollout(scripted(reply), "p", tooled(), [], Seed(2)) == []


def test_each_turn_and_each_attempt_draws_anew() -> None:
    attempt = one(
        scripted(lambda text, seed: f"<calc>{seed % 10**6}</calc>"), tooled(4, max_tokens=200)
    )
    asked = [turn.text for turn in attempt.turns if turn.role == "policy"]
    assert len(set(asked)) == 4


def test_a_procedure_reads_the_answer_off() -> None:
    procedure = Procedure("p", "{prompt}", read=lambda prompt, text: f"{prompt} -> {text.strip()}")
    assert one(scripted(lambda text, seed: "5\nmore"), procedure).answer == "2 + 3 -> 5"


def test_progress_ends_with_everything_done() -> None:
    told: list[tuple[int, int]] = []
    rollout(
        scripted(caller),
        "p",
        tooled(),
        TASKS,
        Seed(1),
        k=2,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[0] == (0, 6) and told[-1] == (6, 6)
    assert told == sorted(set(told))
    told.clear()
    rollout(
        scripted(caller),
        "p",
        tooled(),
        TASKS,
        Seed(1),
        k=40,
        progress=lambda done, total: told.append((done, total)),
    )
    assert [done for done, _ in told] == list(range(0, 121, 12)), "a tenth at a time"


BASES = {"table": Tabular(("a", "b", "c"), lambda text: text, prior=lambda text: [0.0, 0.1, 0.0])}


def test_a_solver_is_greedy_and_leaves_nothing_behind(tmp_path: Path) -> None:
    engine, store = FakeEngine(BASES), Store(tmp_path / "versions")
    state = create_policies(engine, store, {"solver": "table"}, Full(), Seed(1))
    procedure = Procedure("p", "{prompt}", max_tokens=1)
    solver = StoredSolver(engine, store, state, procedure)
    assert solver.answer(["x", "y"] * 20, Seed(1)) == ["b"] * 40
    assert solver.answer([], Seed(1)) == []
    with opened(engine, store, state, "solver"):
        warm = PolicySolver(engine, "solver", procedure, temperature=1.0)
        assert set(warm.answer(["x"] * 60, Seed(1))) == {"a", "b", "c"}
    engine.create("solver", "table", Full())


def test_a_stored_solver_answers_by_the_state_that_it_was_given(tmp_path: Path) -> None:
    engine, store = FakeEngine(BASES), Store(tmp_path / "versions")
    before = create_policies(engine, store, {"solver": "table"}, Full(), Seed(1))
    procedure = Procedure("p", "{prompt}", max_tokens=1)
    with opened(engine, store, before, "solver"):
        for number in range(20):
            group = rollout(engine, "solver", procedure, TASKS[:1], Seed(number), k=8)[0]
            paid = [Verdict(float(a.answer == "c"), a.answer == "c", True, "exact") for a in group]
            judged = [Trace(TASKS[0], a, v, "s") for a, v in zip(group, paid, strict=True)]
            step(engine, "solver", grpo([judged]), Optim(0.2))
        after = before.replace(**close_policies(engine, store, "solver"))
    answers = [
        StoredSolver(engine, store, state, procedure).answer([TASKS[0].prompt], Seed(1))
        for state in (before, after, before)
    ]
    assert answers == [["b"], ["c"], ["b"]]


@pytest.mark.parametrize("k", [1, 3])
def test_every_attempt_of_a_group_has_the_prompt_of_its_task(k: int) -> None:
    engine = scripted(lambda text, seed: text.upper())
    groups = rollout(engine, "p", Procedure("p", "go {prompt}"), TASKS, Seed(1), k=k)
    assert [{a.answer for a in group} for group in groups] == [
        {f"GO {task.prompt}"} for task in TASKS
    ]
