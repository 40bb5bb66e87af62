"""Defects of published code, planted one by one: each is named, as dead or by a finding.

From the releases of Agent0 (aiming-lab/Agent0 at 3cf8bfe), R-Zero (5699329), Absolute Zero
(a82124e) and a third party's port of Agent0, as the dossiers and issue threads describe them.
Those of single terms and of probes are in test_agent0_liveness.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ratchet.core.records import Trace
from ratchet.core.task import Attempt, Task, Verdict
from ratchet.curriculum import rewards
from ratchet.curriculum.difficulty import DIFFICULTIES, uncertainty
from ratchet.engine.losses import Row
from ratchet.learn.rows import row_of
from ratchet.recipes.coevolution import phases, pool
from ratchet.recipes.coevolution.phases import CoEvolution
from ratchet.solve.procedure import Tool
from ratchet.verify import labels
from ratchet.verify.labels import Labelled, trace_labelled
from tests.recipes.conftest import SMALL, Played, Run, dead

ONE: dict[str, Any] = {**SMALL, "generations": 1, "quality_texts": 0}
VOTED: dict[str, Any] = {**ONE, "labels": "plurality"}
HELD: dict[str, Any] = {**ONE, "solver_kl": 0.01, "proposer_kl": 0.01, "proposer_steps": 2}
Patch = Callable[[pytest.MonkeyPatch], None]

JUDGE = labels.judge
COMBINE = rewards.combine
TRY_OF = pool._try_of


def last_character(world: Any, task: Task, attempts: Sequence[Attempt], *rest: Any) -> Labelled:
    """Answers are read by their last character: "42" is "2"."""
    cut = [replace(a, answer=a.answer.strip()[-1:]) for a in attempts]
    return replace(JUDGE(world, task, cut, *rest), attempts=tuple(attempts))


def none_votes(world: Any, task: Task, attempts: Sequence[Attempt], *rest: Any) -> Labelled:
    """An answer that cannot be read is the text "None", and the text may win the vote."""
    read = [world.check(task, a.answer) for a in attempts]
    votes = Counter(str(v.evidence.get("read", "None")) for v in read)
    label = votes.most_common(1)[0][0]
    passed = [str(v.evidence.get("read", "None")) == label for v in read]
    verdicts = tuple(Verdict(float(p), p, True, "plurality") for p in passed)
    return Labelled(task, tuple(attempts), verdicts, world.check(task, label).passed, ())


def of_the_readable(world: Any, task: Task, attempts: Sequence[Attempt], *rest: Any) -> Labelled:
    """The share is taken of the answers that can be read."""
    group = JUDGE(world, task, attempts, *rest)
    kept = [i for i, verdict in enumerate(group.verdicts) if verdict.parsed] or [0]
    some = replace(group, verdicts=tuple(group.verdicts[i] for i in kept))
    return replace(some, attempts=tuple(attempts[i] for i in kept), truths=())


def swapped(world: Any, task: Task, attempts: Sequence[Attempt], *rest: Any) -> Labelled:
    """Response and truth change places in the check: a question is no answer to a number."""
    turned = [replace(a, answer=task.prompt) for a in attempts]
    return replace(JUDGE(world, task, turned, *rest), attempts=tuple(attempts))


def upgrades(world: Any, task: Task, attempts: Sequence[Attempt], *rest: Any) -> Labelled:
    """A second look turns wrong into right and never the reverse."""
    group = JUDGE(world, task, attempts, *rest)
    best = tuple(replace(v, passed=v.parsed, reward=float(v.parsed)) for v in group.verdicts)
    return replace(group, verdicts=best)


def one_rollout(proposal: Any, groups: Any) -> Any:
    """The pass rate is that of the first attempt: its uncertainty is always 0."""
    tried = TRY_OF(proposal, groups)
    return replace(tried, pass_rate=float(tried.pass_rate >= 0.5))


def gated_by_own_answer(proposal: Any, groups: Any) -> Any:
    """The pass rate is zeroed unless a proposer's answer, that is not there, is the label."""
    return replace(TRY_OF(proposal, groups), pass_rate=0.0)


def calls_of_server(proposal: Any, groups: Any) -> Any:
    """Tool turns come back as user messages in which the pattern finds nothing."""
    return replace(TRY_OF(proposal, groups), calls=(0,))


def boundary_is_punished(valid: bool, *terms: Any) -> float:
    """A task that is always or never solved earns -0.5 in place of 0."""
    earned = COMBINE(valid, *terms)
    return -0.5 if valid and earned <= 0 else earned


def failure_is_paid(valid: bool, *terms: Any) -> float:
    return COMBINE(valid, *terms) if valid else 0.1


def trained_on_everything(trace: Trace) -> Row:
    """What the tool inserts is trained on: here its tokens are those below 10."""
    row = row_of(trace)
    pairs = zip(row.tokens, row.weights, strict=True)
    return replace(row, weights=tuple(1.0 if token < 10 else weight for token, weight in pairs))


def constant_p(group: Labelled, role: str = "solver") -> list[Trace]:
    """The loader finds no score and takes 0.6 for every sample."""
    traces = trace_labelled(group, role)
    return [replace(trace, measures={**trace.measures, "p": 0.6}) for trace in traces]


def set_judge(function: Any) -> Patch:
    return lambda m: m.setattr(labels, "judge", function)


def set_try(function: Any) -> Patch:
    return lambda m: m.setattr(pool, "_try_of", function)


def nearest_band(rates: Sequence[float], low: float, high: float) -> list[int]:
    """Band edges are compared as per cent against shares: nothing is dropped at the top."""
    return [i for i, p in enumerate(rates) if low <= p <= 100 * high]


DEFECTS: dict[str, tuple[Patch, dict[str, Any], str]] = {
    "1 tool term on the proposer's text": (
        set_try(lambda p, g: replace(TRY_OF(p, g), calls=(TRY_OF(p, g).text.count("```output"),))),
        ONE,
        "reward.tool",
    ),
    "1b tool turns as user messages": (set_try(calls_of_server), ONE, "reward.tool"),
    "2 last character, plurality": (set_judge(last_character), VOTED, "labels"),
    "2b last character, execution": (set_judge(last_character), ONE, "labels"),
    "3 p zeroed by a gate": (set_try(gated_by_own_answer), ONE, "reward.uncertainty"),
    "4 failure of format is paid": (
        lambda m: m.setattr(rewards, "combine", failure_is_paid),
        ONE,
        "reward.format",
    ),
    "5 share of the readable": (set_judge(of_the_readable), VOTED, "labels"),
    "5b None may win the vote": (set_judge(none_votes), VOTED, "labels"),
    "6 the rule never gets p": (
        lambda m: m.setattr(phases, "trace_labelled", constant_p),
        ONE,
        "adpo.scale",
    ),
    "6b the scale is not read": (
        lambda m: m.setattr("ratchet.learn.adpo.trust", lambda p, floor: 1.0),
        ONE,
        "adpo.scale",
    ),
    "6c the clip key is not read": (
        lambda m: m.setattr("ratchet.learn.adpo.upper_clip", lambda p, clip, bonus: 1e9),
        ONE,
        "clip",
    ),
    "7 constant 0.6": (
        lambda m: m.setattr("ratchet.learn.adpo.trust", lambda p, floor: 0.84),
        ONE,
        "adpo.scale",
    ),
    "R-Zero: response and truth swapped": (set_judge(swapped), ONE, "labels"),
    "R-Zero: only upgrades": (set_judge(upgrades), ONE, "labels"),
    "Absolute Zero: boundary proposals punished": (
        lambda m: m.setattr(rewards, "combine", boundary_is_punished),
        ONE,
        "reward.floor",
    ),
    "port: uncertainty of one rollout": (set_try(one_rollout), ONE, "reward.uncertainty"),
    "port: tool bonus is no number": (
        lambda m: m.setattr(rewards, "tool_use", lambda calls, cap: 0.0),
        ONE,
        "reward.tool",
    ),
    "difficulty read off a stale name": (
        lambda m: m.setitem(DIFFICULTIES, "uncertainty", lambda p: uncertainty(1.0)),
        ONE,
        "reward.uncertainty",
    ),
    "tool output is trained on": (
        lambda m: m.setattr("ratchet.learn.adpo.row_of", trained_on_everything),
        ONE,
        "mask",
    ),
    "repetition over characters that never match": (
        lambda m: m.setattr(rewards, "repetition", lambda t, **_: np.zeros(len(t)).tolist()),
        ONE,
        "reward.floor reward.repetition",
    ),
    "band in per cent": (
        lambda m: m.setattr(phases, "pick_frontier", nearest_band),
        {**ONE, "band_low": 0.1, "band_high": 0.9},
        "filter.band",
    ),
    "reference KL configured and not applied": (
        lambda m: m.setattr(CoEvolution, "with_reference", lambda recipe, role, update: update),
        HELD,
        "kl.proposer kl.solver",
    ),
    "sandbox answers nothing": (
        lambda m: m.setattr(Tool, "call", lambda tool, text: None),
        ONE,
        "tool",
    ),
}
"""By defect: how it is planted, in which settings, and what must be named."""


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_published_defect_is_named(
    defect: str, play: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch, settings, names = DEFECTS[defect]
    patch(monkeypatch)
    assert dead(play(**settings)) == names.split()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 21))
def test_no_clean_run_is_invalid(seed: int, play: Run) -> None:
    """Every fourth run has plurality labels, every fourth a KL, every fifth no tool."""
    settings: dict[str, Any] = {"seed": seed, "labels": "plurality"} if seed % 4 == 0 else {}
    settings |= {"solver_kl": 0.01, "proposer_kl": 0.01} if seed % 4 == 1 else {}
    settings |= {"tool": False} if seed % 5 == 0 else {}
    report = play(**{**ONE, "generations": 2, "seed": seed, **settings})
    assert report["status"] == "completed" and dead(report) == []


def test_there_are_enough_of_them() -> None:
    assert len(DEFECTS) >= 20
    assert issubclass(Played, CoEvolution)
