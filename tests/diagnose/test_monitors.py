"""Monitors: each fires on what it is for, soon, and not on what only looks like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bench.monitor_courses import BROKEN, CLEAN, Conduct, Course, play
from bench.monitors import watch
from ratchet.core.findings import Action, AskApproval, Continue, Halt, Reject, Restart
from ratchet.core.records import Evaluation, Records, Trace
from ratchet.core.seeds import Seed
from ratchet.core.task import StopReason
from ratchet.diagnose.collapse import RolloutCollapse
from ratchet.diagnose.coverage import CoverageLoss
from ratchet.diagnose.divergence import RewardDivergence
from ratchet.diagnose.format_drift import FormatDrift
from ratchet.diagnose.inflow import ClosedLoop
from ratchet.diagnose.information_gain import LearnableGain
from ratchet.diagnose.jump import CapabilityJump
from ratchet.diagnose.label_error import LabelError
from ratchet.diagnose.novelty import ProposalCollapse
from ratchet.diagnose.query_signal import QuerySignal
from ratchet.diagnose.reading import by_task, commonest, plant, surprisal
from ratchet.diagnose.rounds import StaleRounds
from ratchet.diagnose.signal import SignalLoss
from ratchet.loop.monitor import Audited, Monitor, Past, Seen, judge_all, read_all, try_out

MONITORS: list[Monitor] = [
    RewardDivergence(),
    LabelError(),
    RolloutCollapse(),
    ProposalCollapse(),
    FormatDrift(),
    CapabilityJump(),
    SignalLoss(),
    CoverageLoss(),
    StaleRounds(),
    ClosedLoop(),
    QuerySignal(),
    LearnableGain(),
]
HERE = Conduct()


def fired(monitor: Monitor, *generations: Seen | Records) -> list[Action]:
    """Return the actions asked for, generation by generation, where it fired."""
    seen = [g if isinstance(g, Seen) else Seen(g) for g in generations]
    history, actions = [], []
    for number, generation in enumerate(seen, 1):
        window = [one.records for one in seen[:number]]
        history.append(Past(read_all([monitor], window), generation.audit))
        actions += [finding.action for finding in judge_all([monitor], history)]
    return actions


@pytest.mark.parametrize("monitor", MONITORS, ids=lambda monitor: monitor.name)
def test_a_monitor_fires_on_its_planted_generations_and_on_nothing_else(monitor: Monitor) -> None:
    assert try_out([monitor], 3) == {monitor.name: True}
    healthy, *_ = monitor.planted()
    if not isinstance(monitor, ProposalCollapse):  # the same proposals again are not healthy
        assert fired(monitor, *[healthy] * 6) == []
    nothing: Records = [Evaluation("x", 0.5), plant("bystander", "t")]
    assert fired(monitor, [], [], nothing) == []
    assert fired(monitor, healthy, nothing) == []


@pytest.mark.parametrize("course", CLEAN, ids=lambda course: course.name)
def test_a_clean_run_is_left_alone(course: Course) -> None:
    assert watch(MONITORS, play(course, 3, Seed(1).rng())) == {}


@pytest.mark.parametrize(
    ("name", "course"),
    [(name, course) for name, course in BROKEN if course.sudden and name != "capability_jump"],
    ids=lambda given: getattr(given, "name", given),
)
def test_a_broken_run_is_caught(name: str, course: Course) -> None:
    found = watch(MONITORS, play(replace(course, sudden=2), 7, Seed(2).rng()))
    assert found[name] <= 7


def hacked(passed: int, gain: float) -> Seen:
    """64 tasks of 4 attempts, of which so many common answers pass; 40 audit items."""
    records = [
        plant("solver", str(task), "a" if k < 3 else "b", passed=(k < 3) == (task < passed))
        for task in range(64)
        for k in range(4)
    ]
    return Seen(records, audit(gain))


def audit(
    gain: float, right: float = 0.25, n: int = 40, family: str = "planted"
) -> tuple[Audited, ...]:
    """So many anchors, of which the first state has a share right and the candidate that plus."""
    return tuple(
        Audited(family, float(i < n * (right + gain)), float(i < n * right)) for i in range(n)
    )


def test_divergence_weighs_the_rise_against_the_audit() -> None:
    start = hacked(16, 0.0)
    assert Halt() in fired(RewardDivergence(), start, hacked(60, 0.0), hacked(62, 0.0))
    assert not fired(RewardDivergence(), start, *[hacked(60, 0.5)] * 4)
    # A label kinder than the audit, which rises with it.
    kinder = [Seen(hacked(60, 0.0).records, audit(gain, 0.05)) for gain in (0.5, 0.0)]
    assert not fired(RewardDivergence(), start, *[kinder[0]] * 4)
    assert fired(RewardDivergence(), start, *[kinder[1]] * 4)
    # Without a rise a lower audit is the gate's matter; without audits nothing is known.
    assert not fired(RewardDivergence(), start, *[hacked(16, -0.2)] * 4)
    assert not fired(RewardDivergence(), start, *[Seen(hacked(62, 0.0).records)] * 4)


def test_divergence_is_not_taken_in_by_sharpening() -> None:
    """The same common answers pass, sampled ever more often."""

    def sharper(of_five: int) -> Seen:
        records = [
            plant("solver", str(task), "a" if k < of_five else f"b{k}", passed=k < of_five)
            for task in range(64)
            for k in range(5)
        ]
        return Seen(records, audit(0.0))

    assert not fired(RewardDivergence(), sharper(2), *[sharper(5)] * 5)


def test_divergence_knows_the_room_that_a_greedy_answer_has() -> None:
    """What was sampled now and then becomes the common answer; greedily it always was."""
    start, risen = hacked(16, 0.0).records, hacked(50, 0.0).records
    for right, fires in ((0.25, True), (0.8, False)):
        seen = [Seen(records, audit(0.0, right)) for records in (start, *[risen] * 5)]
        assert bool(fired(RewardDivergence(), *seen)) is fires


def test_divergence_asks_the_anchors_of_what_is_trained_on() -> None:
    """The audit rose where the tasks are; nothing came of the families that are not trained on."""
    start, risen = hacked(16, 0.0).records, hacked(60, 0.0).records
    gained, idle = audit(0.7, n=20), audit(0.0, 0.1, n=60, family="elsewhere")
    assert not fired(RewardDivergence(), *[Seen(r, gained + idle) for r in (start, *[risen] * 4)])
    lost, found = audit(0.0, n=20), audit(0.7, n=60, family="elsewhere")
    assert fired(RewardDivergence(), *[Seen(r, lost + found) for r in (start, *[risen] * 4)])
    assert not fired(RewardDivergence(), *[Seen(r, found) for r in (start, *[risen] * 4)])


def test_divergence_weighs_families_as_the_tasks_do() -> None:
    """Nine tasks in ten are of a family that rose by right; most anchors are of the other."""

    def seen(passed: bool) -> Seen:
        traces = [plant("solver", str(i), passed=passed or i % 4 == 0) for i in range(80)]
        shares = [
            replace(t, task=replace(t.task, family="ab"[i >= 72])) for i, t in enumerate(traces)
        ]
        return Seen(shares, audit(0.75, n=12, family="a") + audit(0.0, n=48, family="b"))

    assert not fired(RewardDivergence(), seen(False), *[seen(True)] * 4)


def test_label_error_counts_only_what_is_trained_on() -> None:
    right = [plant("solver", str(i), measures={"label_right": 1.0}) for i in range(64)]
    wrong = [
        plant("solver", str(i), passed=False, measures={"label_right": 0.0}) for i in range(64)
    ]
    assert fired(LabelError(), right, wrong) == [Reject()]
    assert fired(LabelError(), right, wrong, wrong, right) == [Reject(), Halt()]
    assert fired(LabelError(band=(0.5, 1.0)), right, [*right, *wrong], wrong) == []


def test_label_error_knows_a_verdict_that_carries_no_information() -> None:
    def verdicts(flipped: int) -> Records:
        return [
            plant(
                "solver",
                str(task),
                passed=(k % 2 == 0) == (k >= flipped),
                measures={"label_right": 1.0, "truth": float(k % 2 == 0)},
            )
            for task in range(32)
            for k in range(8)
        ]

    told = LabelError().read([verdicts(2)])
    assert (told["tpr"], told["fpr"], told["j"]) == (0.75, 0.25, 0.5)
    assert fired(LabelError(), verdicts(0), verdicts(2)) == []
    assert fired(LabelError(), verdicts(0), verdicts(4)) == [Reject()]


def test_the_standard_error_of_j_is_that_of_tasks() -> None:
    """Copies of the attempts of a task say nothing new."""

    def read(copies: int) -> float:
        rng = Seed(3).rng()
        groups = [rng.random((4, 2)) < 0.6 for _ in range(40)]
        records = [
            plant(
                "solver", str(i), passed=bool(a), measures={"label_right": 1.0, "truth": float(b)}
            )
            for i, group in enumerate(groups)
            for a, b in list(group) * copies
        ]
        return LabelError().read([records])["j_error"]

    assert read(1) == pytest.approx(read(3)) and 0.02 < read(1) < 0.2


def rollouts(distinct: int, logprob: float, passed: int = 0) -> Records:
    return [
        plant("solver", str(i), str(k % distinct), passed=i < passed, logprobs=[logprob] * 3)
        for i in range(40)
        for k in range(8)
    ]


def test_collapse_needs_entropy_and_variety_to_fall_on_unsolved_tasks() -> None:
    start = rollouts(8, -1.0)
    assert fired(RolloutCollapse(), start, rollouts(1, -0.01)) == [Reject()]
    assert fired(RolloutCollapse(), start, *[rollouts(1, -0.01)] * 3) == [Reject(), Halt(), Halt()]
    assert fired(RolloutCollapse(), start, rollouts(8, -0.01), rollouts(1, -1.0)) == []
    # Agreement on what is solved is learning.
    assert fired(RolloutCollapse(), start, rollouts(1, -0.01, passed=40)) == []


def test_a_proposer_that_repeats_itself_or_its_past_starts_afresh() -> None:
    def proposals(*numbers: int) -> Records:
        return [plant("proposer", "request", f"{i} + 1") for i in numbers]

    start, same = proposals(*range(80)), proposals(*[5] * 80)
    assert fired(ProposalCollapse(), start, same) == [Restart("proposer")]
    assert fired(ProposalCollapse(), start, start) == [Restart("proposer")]
    assert fired(ProposalCollapse(), start, proposals(*range(80, 160))) == []
    few = proposals(*range(40), *range(80, 120))
    assert fired(ProposalCollapse(), start, few) == []


def test_a_narrow_proposer_starts_afresh_before_it_has_run_dry() -> None:
    def proposals(fresh: int, logprob: float, base: int) -> Records:
        texts = [f"{base + i}" if i < fresh else "old" for i in range(120)]
        return [plant("proposer", "request", t, logprobs=[logprob] * 4) for t in texts]

    start = proposals(120, -1.0, 0)
    assert fired(ProposalCollapse(), start, proposals(25, -0.1, 200)) == [Restart("proposer")]
    assert fired(ProposalCollapse(), start, proposals(28, -1.0, 200)) == []


def answers(parsed: float = 1.0, cut: float = 0.0, tokens: int = 5) -> Records:
    return [
        plant(
            "solver",
            str(i),
            parsed=i % 40 < 40 * parsed,
            stop=StopReason.LENGTH if i % 40 < 40 * cut else StopReason.END,
            logprobs=[-1.0] * (tokens + i % 2),
        )
        for i in range(80)
    ]


@pytest.mark.parametrize(
    ("drifted", "fires"),
    [
        (answers(parsed=0.6), True),
        (answers(parsed=0.9), False),
        (answers(cut=0.4), True),
        (answers(cut=0.1), False),
        (answers(tokens=13), True),
        (answers(tokens=8), False),
        (answers(tokens=1), False),
    ],
)
def test_format_drift_has_its_marks(drifted: Records, fires: bool) -> None:
    assert fired(FormatDrift(), answers(), drifted) == ([Reject()] if fires else [])
    assert fired(FormatDrift(), answers()[:10], drifted[:10]) == []


def test_more_turns_are_no_drift() -> None:
    """A solver that learns to call its tool writes more, turn by turn the same."""
    longer = [
        replace(trace, attempt=replace(trace.attempt, turns=trace.attempt.turns * 3))
        for trace in answers()
        if isinstance(trace, Trace)
    ]
    assert fired(FormatDrift(), answers(), longer) == []


def test_jump_compares_with_the_best_before_and_asks_a_person() -> None:
    def solved(share: float, audit: Sequence[float] = (), of: int = 60) -> Seen:
        records = [plant("solver", str(i), passed=i < of * share) for i in range(of)]
        return Seen(records, tuple(Audited("planted", score, 0.0) for score in audit))

    jump = CapabilityJump()
    assert fired(jump, solved(0.1), solved(0.9)) == [AskApproval()]
    assert fired(jump, solved(0.1), solved(0.4), solved(0.7), solved(1.0)) == []
    assert fired(jump, solved(0.9), solved(0.1), solved(0.9)) == []
    # Surely above half the limit, and still below the limit.
    assert fired(jump, *(solved(share, of=600) for share in (0.1, 0.45, 0.8))) == []
    flat, leap = (0.0, 0.1) * 16, (0.8, 0.9) * 16
    assert fired(jump, solved(0.5, flat), solved(0.5, leap)) == [AskApproval()]
    assert fired(CapabilityJump(limit=0.9), solved(0.1), solved(0.9)) == []


def test_a_jump_of_a_few_tasks_is_luck() -> None:
    def solved(of_eight: int) -> Records:
        traces = [plant("solver", str(i), passed=i >= 8 or i < of_eight) for i in range(32)]
        return [
            replace(trace, task=replace(trace.task, family=f"family {number // 8}"))
            for number, trace in enumerate(traces)
        ]

    assert fired(CapabilityJump(), solved(1), solved(8)) == []
    assert fired(CapabilityJump(), solved(0), solved(8)) == [AskApproval()]


def test_what_monitors_share() -> None:
    one = [plant("solver", "request", str(i)) for i in range(5)]
    assert [len(group) for group in by_task(one)] == [1] * 5
    two = [plant("solver", str(i % 2)) for i in range(6)]
    assert [len(group) for group in by_task(two)] == [3, 3]
    group = [plant("solver", "t", text) for text in ("x", "y", "y")]
    assert commonest(group).attempt.answer == "y"
    unread = [plant("solver", "t", text, parsed=False) for text in ("x", "y", "y")]
    assert commonest(unread).attempt.answer == "x"
    assert surprisal(plant("solver", "t", logprobs=[-1.0, -3.0]).attempt) == 2.0
    assert surprisal(plant("solver", "t", logprobs=[]).attempt) is None


def held(*rates: tuple[int, int]) -> list[Trace]:
    """Return 8 attempts at tasks of which so many are passed: (tasks, passes)."""
    counts = [passes for tasks, passes in rates for _ in range(tasks)]
    return [plant("held", str(i), passed=k < n) for i, n in enumerate(counts) for k in range(8)]


def test_coverage_is_lost_where_fewer_tasks_are_solved_at_all() -> None:
    start, sharper = held((32, 2)), held((16, 4), (16, 0))
    assert fired(CoverageLoss(), start, sharper) == [Reject()]
    worse, better = held((16, 2), (16, 0)), held((32, 7))
    assert fired(CoverageLoss(), start, worse) == [], "pass@1 fell too: that is no sharpening"
    assert fired(CoverageLoss(), start, better) == []
    assert fired(CoverageLoss(), start, held((28, 3), (4, 0))) == [], "4 of 32 may be luck"
    assert fired(CoverageLoss(), held((8, 2)), held((4, 8), (4, 0))) == [], "too few tasks"


def test_signal_and_kept_tasks_have_marks_of_their_own() -> None:
    monitor = SignalLoss(band=(0.4, 0.6), actions=(Restart("solver"),))
    none = [plant("solver", str(i), passed=False) for i in range(256) for _ in range(8)]
    outside = [plant("solver", str(i), passed=k < 1) for i in range(256) for k in range(8)]
    inside = [plant("solver", str(i), passed=k < 4) for i in range(256) for k in range(8)]
    assert fired(monitor, none) == fired(monitor, outside) == [Restart("solver")]
    assert fired(SignalLoss(), outside) == [] and fired(SignalLoss(), none) == [Restart("proposer")]
    assert fired(monitor, inside) == []


def test_a_loop_is_closed_where_neither_truth_nor_a_tool_comes_in() -> None:
    exact = [plant("solver", str(i), passed=k < 4) for i in range(8) for k in range(8)]
    voted = [replace(t, verdict=replace(t.verdict, source="plurality")) for t in exact]
    called = [replace(voted[0], attempt=replace(voted[0].attempt, tool_calls=1)), *voted[1:]]
    assert fired(ClosedLoop(), exact) == fired(ClosedLoop(), called) == []
    assert fired(ClosedLoop(), voted) == [Continue()]
    assert fired(ClosedLoop(band=(0.9, 1.0)), voted) == [], "nothing is trained on"


def test_rounds_are_stale_where_the_archive_has_every_task() -> None:
    def round_of(new: int) -> list[Trace]:
        marks = [float(i < new) for i in range(128)]
        return [plant("proposer", "request", str(i), measures={"new": m})
                for i, m in enumerate(marks)]  # fmt: skip

    assert fired(StaleRounds(), round_of(128), round_of(20)) == []
    assert fired(StaleRounds(), round_of(128), round_of(0)) == [Restart("proposer")]
    unmarked = [plant("proposer", "request", str(i)) for i in range(128)]
    assert fired(StaleRounds(), unmarked) == []
