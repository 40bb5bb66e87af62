from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from ratchet.core.errors import ConfigError, RunError
from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.diagnose.drag.conditions import CONDITIONS, FULL
from ratchet.diagnose.drag.drafts import choose, spoil
from ratchet.diagnose.drag.estimates import drag, loss
from ratchet.diagnose.drag.observations import Draft, Observations, Response
from ratchet.diagnose.drag.prompts import few_shot, instruct
from ratchet.diagnose.drag.speaker import Said
from ratchet.diagnose.drag.study import Findings, Plan, Study
from ratchet.worlds.arithmetic import Arithmetic, solve_exactly
from tests.diagnose.drag.speakers import Guesser

WORLD = Arithmetic()
FORM = few_shot([("7 - 3", "4", "5"), ("25 + 13", "38", "37"), ("6 * 13", "78", "68")])
SMALL = Plan(problems=40, candidates=160, pool=8, samples=3, level=1, seed=3)


def run(speaker: Guesser, folder: Path, plan: Plan = SMALL) -> Findings:
    return Study(speaker, WORLD, FORM, plan, folder).run()


def test_a_speaker_that_leans_on_drafts_shows_drag(tmp_path: Path) -> None:
    found = run(Guesser(lean=0.8), tmp_path)
    measure = drag(found.seen, 1, Seed(1).rng())
    assert measure.low is not None and measure.low > 0.1
    assert measure.n == 40 and measure.skipped == 0


def test_one_that_ignores_them_shows_none_since_selection_draws_are_not_reused(
    tmp_path: Path,
) -> None:
    """Chosen for two wrong answers in the pool, problems look harder in the pool than they are.

    Were the pool counted as clean samples, this speaker would seem to gain by wrong drafts.
    """
    plan = Plan(problems=300, candidates=900, pool=4, samples=3, level=1)
    found = run(Guesser(), tmp_path, plan)
    measure = drag(found.seen, 1, Seed(1).rng())
    assert measure.low is not None and measure.high is not None
    assert measure.low < 0.0 < measure.high
    in_pool = [found.candidates[p] for p in found.seen.problems]
    pooled = sum(map(sum, in_pool)) / sum(map(len, in_pool))
    fresh = loss(found.seen, "clean", "restart", Seed(1).rng()).value
    clean = [found.seen.mean("clean", p) for p in found.seen.problems]
    accuracy = sum(c for c in clean if c is not None) / len(clean)
    assert fresh is not None and abs(fresh) < 0.05
    assert accuracy - pooled > 0.02


def test_a_draw_that_selected_cannot_estimate() -> None:
    response = Response("p", "clean", "pool/3", "4", "4", True)
    with pytest.raises(ValueError, match="cannot estimate"):
        Observations(("p",), {}, [response], frozenset({"pool/3"}))


def test_every_condition_sees_the_same_problems(tmp_path: Path) -> None:
    names = tuple(name for name in FULL if name not in ("wrong_3", "wrong_4"))
    found = run(Guesser(lean=0.5), tmp_path, Plan(names, 12, 120, 10, 2, 3, level=1))
    assert set(found.seen.by_condition) == set(names)
    for name in names:
        assert set(found.seen.by_condition[name]) == set(found.seen.problems), name
    assert len(found.chains) == 12 and {len(c.rounds) for c in found.chains} == {3}
    assert {len(f) for f in found.fresh.values()} == {6}


def test_problems_of_one_condition_alone_do_not_count() -> None:
    """The matched subset: an easy problem that only the clean condition has must not move drag."""
    drafts = {"d": Draft("d", "a", "5", "5", False)}
    rows = [
        Response(p, c, f"{c}/{p}", "4", "4", c == "clean" and p == "easy")
        for p, c in (
            ("a", "clean"),
            ("b", "clean"),
            ("easy", "clean"),
            ("a", "wrong_1"),
            ("b", "wrong_1"),
        )
    ]
    seen = Observations(("a", "b", "easy"), drafts, rows)
    measure = drag(seen, 1, Seed(1).rng())
    assert (measure.value, measure.n, measure.skipped) == (0.0, 2, 1)
    assert seen.matched("clean", "wrong_1") == ("a", "b")


def test_a_stopped_study_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    whole = run(Guesser(0.3), tmp_path / "whole")

    class Stops(Guesser):
        def complete(self, prompts, request):  # type: ignore[no-untyped-def]
            if len(calls) == 6:
                raise KeyboardInterrupt
            calls.append(1)
            return super().complete(prompts, request)

    calls: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        run(Stops(0.3), tmp_path / "cut")
    log = tmp_path / "cut" / "study.jsonl"
    log.write_text(log.read_text() + '{"stage": "wrong_1/0", "respon')
    asked: list[str] = []
    again = run(Guesser(0.3, asked=asked), tmp_path / "cut")
    assert again.seen.responses == whole.seen.responses
    # The pool was two portions of 400 prompts, two chunks each; clean and restart were done.
    assert len(asked) == 3 * 40 * 3
    with pytest.raises(RunError, match="another model, world or size"):
        run(Guesser(0.3), tmp_path / "cut", Plan(problems=30, level=1))


def test_no_more_candidates_are_sampled_than_fill_the_subset(tmp_path: Path) -> None:
    asked: list[str] = []
    found = run(Guesser(asked=asked), tmp_path)
    assert len(found.chosen.tasks) == 40 and len(found.candidates) == 100 < SMALL.candidates
    assert len(asked) == 100 * 8 + 5 * 40 * 3


def test_every_problem_has_been_solved_by_a_draw_that_chose_it(tmp_path: Path) -> None:
    found = run(Guesser(), tmp_path)
    assert all(any(found.candidates[p]) for p in found.seen.problems)


def test_a_level_is_found_where_the_model_is_right_half_of_the_time(tmp_path: Path) -> None:
    class Limited(Guesser):
        """Right on level 1, never from level 3 on, and half of the time on level 2."""

        def complete(self, prompts, request):  # type: ignore[no-untyped-def]
            return [[self.say(prompt, place)] for place, prompt in enumerate(prompts)]

        def say(self, prompt: str, place: int) -> Said:
            task = WORLD.parse(prompt.rpartition("Problem: ")[2].split("\n")[0])
            assert isinstance(task, Task)
            truth = solve_exactly(task.prompt)
            right = task.level == 1 or (task.level == 2 and place % 2)
            return Said(str(truth if right else place), False, 1, 1, 0.0)

    plan = Plan(problems=5, candidates=60, pool=4, samples=1, find_level=True)
    found = run(Limited(), tmp_path, plan)
    assert found.level == 2 and {task.level for task in found.chosen.tasks} == {2}
    assert all(not r.draw.startswith("level") for r in found.seen.responses)
    again = run(Limited(), tmp_path, plan)
    assert again.seen.responses == found.seen.responses


def test_skips_have_reasons() -> None:
    tasks = [Task(str(i), "arithmetic", "2 + 2", "one_digit", 1) for i in range(6)]

    def said(task: Task, *answers: str, cut: bool = False) -> list[Response]:
        return [
            Response(task.id, "clean", f"{task.id}/{i}", a, a, a == "4", truncated=cut)
            for i, a in enumerate(answers)
        ]

    pool = {
        "0": said(tasks[0], "4", "5", cut=True),
        "1": said(tasks[1], "", ""),
        "2": said(tasks[2], "4", "5", "5", "5"),
        "3": said(tasks[3], "5", "6"),
        "4": said(tasks[4], "4", "5", "6"),
        "5": said(tasks[5], "4", "5", "6"),
    }
    chosen = choose(tasks, pool, 2, 1, 1, Random(1))
    assert [task.id for task in chosen.tasks] == ["4"]
    assert {draft.answer for draft in chosen.wrong["4"]} == {"5", "6"}
    assert chosen.skips == {
        "truncated": 1,
        "unreadable": 1,
        "no_wrong_draft": 1,
        "no_right_draft": 1,
        "not_needed": 1,
    }


def test_a_spoiled_draft_is_wrong_and_near() -> None:
    task = WORLD.tasks(Seed(1).rng(), 1, level=1)[0]
    truth = str(solve_exactly(task.prompt))
    draft = spoil(WORLD, task, Draft("d", task.id, truth, truth, True), Random(2))
    assert draft is not None and not WORLD.check(task, draft.text).passed
    assert draft.source == "synthetic" and abs(int(draft.answer) - int(truth)) == 1


def test_the_prompt_tells_what_the_condition_says() -> None:
    def write(name: str, *drafts: str) -> str:
        return FORM.write(CONDITIONS[name], "2 + 2", drafts).removeprefix(FORM.header)

    assert write("clean") == "Problem: 2 + 2\nAnswer:"
    assert write("wrong_1", "5") == "Problem: 2 + 2\nDraft: 5\nVerdict:"
    assert write("wrong_2", "5", "6") == "Problem: 2 + 2\nDraft 1: 5\nDraft 2: 6\nVerdict:"
    assert write("draft_first", "5") == "Draft: 5\nProblem: 2 + 2\nVerdict:"
    assert write("no_verify", "5") == "Problem: 2 + 2\nDraft: 5\nAnswer:"
    assert write("labelled", "5") == "Problem: 2 + 2\nDraft: 5\nVerdict: wrong\nAnswer:"
    assert write("excluded", "5") == "Problem: 2 + 2\nNote: the answer is not 5.\nAnswer:"
    assert FORM.stops(CONDITIONS["clean"]) == FORM.stops(CONDITIONS["labelled"]) == ("\n",)
    assert FORM.stops(CONDITIONS["wrong_1"]) == ("\n\n", "\nProblem")
    told = instruct().write(CONDITIONS["wrong_1"], "2 + 2", ["5"])
    assert "Verdict: right" in told and told.endswith("Draft: 5\n")


@pytest.mark.parametrize(
    ("name", "text", "answer", "verdict"),
    [
        ("clean", " 4\nmore", "4", None),
        ("wrong_1", " wrong\nAnswer: 4", "4", False),
        ("wrong_1", " not correct, since\nAnswer: 4", "4", False),
        ("wrong_1", " right\nAnswer: 5", "5", True),
        ("wrong_1", " hm\nAnswer: 5", "5", None),
        ("wrong_1", " wrong", "", False),
        ("labelled", " 4", "4", False),
    ],
)
def test_replies_are_taken_apart(name: str, text: str, answer: str, verdict: bool | None) -> None:
    reply = FORM.read(CONDITIONS[name], text)
    assert (reply.answer, reply.verdict) == (answer, verdict)


def test_unknown_conditions_are_refused() -> None:
    with pytest.raises(ConfigError, match="no condition 'wrong_9'"):
        Plan(("wrong_9",))
