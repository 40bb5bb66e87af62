"""From texts that a policy wrote to tasks worth attempting."""

from __future__ import annotations

import pytest

from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, Rejection, StopReason, Task
from ratchet.curriculum.propose import (
    Proposal,
    draw_uniform,
    pick_frontier,
    pick_new,
    read_proposals,
    trace_proposals,
)
from ratchet.worlds.arithmetic import Arithmetic

WORLD = Arithmetic()


def read(*texts: str) -> list[Proposal]:
    attempts = [Attempt("request", "v", (), text, StopReason.END) for text in texts]
    return read_proposals(WORLD, attempts)


def reserved() -> str:
    """Return an expression of the reserved part."""
    texts = (f"{a} + {b}" for a in range(10, 99) for b in range(10, 99))
    return next(text for text in texts if isinstance(WORLD.parse(text), Rejection))


def test_texts_become_tasks_or_named_rejections() -> None:
    task = WORLD.tasks(Seed(1).rng(), 1)[0]
    good, bad, kept = read(task.prompt, "not a sum at all", reserved())
    assert isinstance(good.outcome, Task) and good.outcome.id == task.id
    assert isinstance(bad.outcome, Rejection) and bad.outcome.reason != "reserved"
    assert isinstance(kept.outcome, Rejection) and kept.outcome.reason == "reserved"


def test_new_tasks_are_picked_once_in_order() -> None:
    prompts = [task.prompt for task in WORLD.tasks(Seed(1).rng(), 4)]
    proposals = read(prompts[0], "junk", prompts[1], prompts[0], prompts[2], prompts[3])
    ids = [p.outcome.id for p in proposals if isinstance(p.outcome, Task)]
    picked = pick_new(proposals, frozenset([ids[1]]))
    assert [task.id for task in picked] == [ids[0], ids[3], ids[4]]
    assert pick_new(proposals, frozenset(ids)) == []


@pytest.mark.parametrize(
    ("rates", "picked"),
    [
        ([0.0, 0.3, 0.5, 0.8, 1.0], [1, 2, 3]),
        ([0.29, 0.81], []),
        ([], []),
    ],
)
def test_the_frontier_is_a_closed_band(rates: list[float], picked: list[int]) -> None:
    assert pick_frontier(rates, 0.3, 0.8) == picked


def test_the_control_draws_open_tasks_of_every_family() -> None:
    drawn = draw_uniform(WORLD, Seed(3), 40)
    assert len(drawn) == 40 == len({task.id for task in drawn})
    assert {task.family for task in drawn} == set(WORLD.families)
    bare = [WORLD.parse(task.prompt) for task in drawn if task.family != "words"]
    assert bare and not any(isinstance(read, Rejection) for read in bare)
    assert draw_uniform(WORLD, Seed(3), 40) == drawn != draw_uniform(WORLD, Seed(4), 40)


def test_proposals_become_traces_with_their_terms() -> None:
    task = WORLD.tasks(Seed(1).rng(), 1)[0]
    proposals = read(task.prompt, "junk")
    good, bad = trace_proposals(proposals, [0.75, 0.0], {"tool": [0.5, 0.0]})
    assert (good.verdict.reward, good.verdict.passed, good.verdict.feedback) == (0.75, True, "")
    assert (bad.verdict.reward, bad.verdict.passed) == (0.0, False)
    assert isinstance(proposals[1].outcome, Rejection)
    assert bad.verdict.feedback == proposals[1].outcome.reason
    assert (good.measures, good.role) == ({"tool": 0.5}, "proposer")
    # One group: a proposer is compared with itself over all that it wrote.
    assert good.task.id == bad.task.id == "request"


def test_a_task_of_another_family_than_asked_for_is_rejected() -> None:
    texts = [WORLD.tasks(Seed(2).rng(), 1, family=f)[0].prompt for f in ("carry", "product")]
    attempts = [Attempt("request", "v", (), text, StopReason.END) for text in (*texts, "junk")]
    carry, product, junk = read_proposals(WORLD, attempts, "carry")
    assert isinstance(carry.outcome, Task) and carry.outcome.family == "carry"
    assert isinstance(product.outcome, Rejection) and product.outcome.reason == "other_family"
    assert isinstance(junk.outcome, Rejection) and junk.outcome.reason != "other_family"


def test_traces_say_what_each_proposal_was_asked_for() -> None:
    asked = [Task("request", "", shown, f, 0) for shown, f in (("Q: a", "carry"), ("", "words"))]
    traces = trace_proposals(read("junk", "more junk"), [0.5, -1.0], requests=asked)
    assert [trace.task for trace in traces] == asked
    assert {trace.task.id for trace in trace_proposals(read("junk"), [0.0])} == {"request"}
