"""Made-up runs for the monitors' bench: records of a loop whose course is known."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cache

import numpy as np

from ratchet.core.records import Trace
from ratchet.core.task import Attempt, StopReason, Task, Turn, Verdict
from ratchet.diagnose.reading import by_task, commonest
from ratchet.loop.monitor import Audited, Seen

FAMILIES = tuple(f"family {n}" for n in range(1, 9))
TASKS, ATTEMPTS, PROPOSALS, ITEMS = 64, 4, 64, 32
HELD, HELD_ATTEMPTS = 32, 8
_DISCORDANCE = 0.2
_RIGHT = Verdict(1.0, True, True, "plurality")
_WRONG = Verdict(0.0, False, True, "plurality")
_EXACT, _MISSED = Verdict(1.0, True, True, "exact"), Verdict(0.0, False, True, "exact")
_UNREAD = Verdict(0.0, False, False, "plurality")
_REQUEST = Task("request", "", "", "request", 0)


@dataclass(frozen=True)
class Conduct:
    """How a loop behaves in one generation."""

    passed: float = 0.4
    """Mean share passed by the label."""
    audit: float | None = None
    """Mean audit score minus the first state's; None: it follows the course's ``fair``."""
    variety: float = 0.7
    """Chance that a wrong answer is one of a kind; else it is the group's usual wrong answer."""
    surprisal: float = 0.5
    """Nats per token."""
    parsed: float = 0.9
    """Share of the attempts that failed which can still be read."""
    cut: float = 0.05
    """Share cut off."""
    tokens: float = 20.0
    """Mean tokens of an attempt."""
    label: float = 0.9
    """Share of labels that are right."""
    new: float = 0.8
    """Share of new ones among valid proposals."""
    valid: float = 0.7
    """Share of valid proposals."""
    spread: float = 1.5
    """How much tasks are alike in difficulty; near 0 every task is passed always or never."""
    leap: float = 0.0
    """What is added to the share passed in the first family."""
    fresh: float = 0.7
    """Share of valid proposals whose tasks are new to the archive."""
    inflow: float = 0.3
    """Share of attempts that hold a tool's result; labels are voted."""
    held: float = 0.4
    """Mean chance of an attempt at a held task."""
    sharp: float = 0.0
    """Part of the held tasks that are passed always or never, as many as keep the mean."""


@dataclass(frozen=True)
class Course:
    """A run from one conduct to another."""

    name: str
    end: Conduct
    start: Conduct = field(default_factory=Conduct)
    fair: float = 0.8
    """Where the conduct names no audit: its share of the rise in common answers that pass."""
    right: float | None = None
    """The first state's audit score; None: as many as common answers pass at the start, which is
    the least that a greedy policy can be expected to have."""
    sudden: int = 0
    """Generation that is the first to behave like the end; 0: all move there evenly."""

    def at(self, generation: int, generations: int) -> Conduct:
        """Return the conduct in a generation, counted from 1."""
        part = (generation - 1) / max(1, generations - 1)
        if self.sudden:
            part = float(generation >= self.sudden)
        mixed = {
            f.name: (1 - part) * getattr(self.start, f.name) + part * getattr(self.end, f.name)
            for f in fields(Conduct)
            if f.name != "audit"
        }
        if self.end.audit is not None:
            return Conduct(**mixed, audit=part * self.end.audit)
        rise = _common(Conduct(**mixed)) - _common(self.start)
        return Conduct(**mixed, audit=self.fair * rise)


_HERE = Conduct()
CLEAN = (
    Course("nothing changes", _HERE),
    Course(
        "learns",
        replace(
            _HERE, passed=0.75, variety=0.5, surprisal=0.22, parsed=0.98, cut=0.01,
            tokens=14.0, new=0.7, valid=0.9, fresh=0.5, held=0.7, inflow=0.8,
        ),
    ),
    Course(
        "sharpens: passes go to 65%, the audit gains 0.6 of the rise",
        replace(_HERE, passed=0.65, variety=0.4, surprisal=0.2, tokens=24.0, held=0.6),
        fair=0.6,
    ),
    Course(
        "samples ever more what it answers greedily: passes go to 70%, the audit stays there",
        replace(_HERE, passed=0.7, variety=0.4, surprisal=0.2, held=0.7, audit=0.0),
        right=0.7,
    ),
    Course(
        "meets a harder curriculum",
        replace(_HERE, passed=0.25, audit=0.0, label=0.8, new=0.5, tokens=28.0, cut=0.12),
    ),
)  # fmt: skip
EDGE = (
    Course("audit gain is half the rise", replace(_HERE, passed=0.9), fair=0.5),
    Course("label accuracy is 0.7", replace(_HERE, label=0.7), replace(_HERE, label=0.7)),
    Course("label accuracy fell by 0.1", replace(_HERE, label=0.85), replace(_HERE, label=0.95), 2),
    Course(
        "entropy is a third, answers one of a kind",
        replace(_HERE, surprisal=0.5 / 3, variety=0.02, spread=0.05),
        sudden=2,
    ),
    Course("a fifth of the proposals is new", replace(_HERE, new=0.2), replace(_HERE, new=0.2)),
    Course(
        "0.15 fewer can be read",
        replace(_HERE, parsed=1.0 - 0.15 / 0.6),
        replace(_HERE, parsed=1.0),
        2,
    ),
    Course("attempts are twice as long", replace(_HERE, tokens=40.0), sudden=2),
    Course("one family leaps by 20 points", replace(_HERE, leap=0.2), sudden=2),
    Course("a tenth of tasks is new", replace(_HERE, fresh=0.1), replace(_HERE, fresh=0.1)),
    Course(
        "6% of tasks have signal",
        replace(_HERE, spread=0.075),
        replace(_HERE, spread=0.075),
    ),
)
"""Where one thing lies at its mark, the worst that may not count; two lie near that of
``signal_loss``, and cross it."""
BROKEN = (
    (
        "reward_divergence",
        Course("everything passes", replace(_HERE, passed=0.98, audit=0.0), sudden=3),
    ),
    (
        "reward_divergence",
        Course(
            "passes go to 85% by and by, the audit stays", replace(_HERE, passed=0.85, audit=0.0)
        ),
    ),
    (
        "reward_divergence",
        Course(
            "passes go to 70% by and by, the audit falls by 10",
            replace(_HERE, passed=0.7, audit=-0.1),
        ),
    ),
    ("label_error", Course("label accuracy is 0.5", replace(_HERE, label=0.5), sudden=3)),
    ("label_error", Course("label accuracy falls to 0.6 by and by", replace(_HERE, label=0.6))),
    (
        "rollout_collapse",
        Course(
            "entropy and variety at 5%",
            replace(_HERE, surprisal=0.02, variety=0.03, spread=0.05),
            sudden=3,
        ),
    ),
    ("proposal_collapse", Course("5% of proposals new", replace(_HERE, new=0.05), sudden=3)),
    ("format_drift", Course("half can no longer be read", replace(_HERE, parsed=0.2), sudden=3)),
    ("format_drift", Course("attempts three times as long", replace(_HERE, tokens=60.0), sudden=3)),
    (
        "signal_loss",
        Course("nearly all is passed or failed", replace(_HERE, spread=0.01), sudden=3),
    ),
    ("stale_rounds", Course("2% of tasks new to the run", replace(_HERE, fresh=0.02), sudden=3)),
    ("closed_loop", Course("no tool is called", replace(_HERE, inflow=0.0), sudden=3)),
    ("coverage_loss", Course("held tasks: all or nothing", replace(_HERE, sharp=1.0), sudden=3)),
    (
        "coverage_loss",
        Course("held tasks: half of them all or nothing", replace(_HERE, sharp=0.5)),
    ),
    (
        "capability_jump",
        Course("one family from 40% to 95%", replace(_HERE, leap=0.55), sudden=3),
    ),
)
"""What should fire, and what fires."""


def play(course: Course, generations: int, rng: np.random.Generator) -> list[Seen]:
    """Return the generations of a run."""
    seen = []
    chances_held = rng.beta(0.8, 1.2, HELD)
    for generation in range(1, generations + 1):
        conduct = course.at(generation, generations)
        records = [
            *_solve(conduct, rng),
            *_propose(conduct, generation, rng),
            *_hold(conduct, chances_held, rng),
        ]
        right = _common(course.start) if course.right is None else course.right
        seen.append(Seen(records, _audit(conduct.audit or 0.0, right, rng)))
    return seen


def _solve(c: Conduct, rng: np.random.Generator) -> list[Trace]:
    traces = []
    right_labels = rng.random(TASKS) < c.label
    length = rng.poisson(c.tokens * rng.lognormal(-0.02, 0.2, TASKS)[:, None], (TASKS, ATTEMPTS))
    surprisal = c.surprisal * rng.lognormal(-0.125, 0.5, (TASKS, ATTEMPTS))
    draws = rng.random((5, TASKS, ATTEMPTS))
    for number in range(TASKS):
        task = _task(number)
        mean = min(0.99, c.passed + (c.leap if task.family == FAMILIES[0] else 0.0))
        chance = rng.beta(c.spread * mean, c.spread * (1.0 - mean))
        measures = [{"label_right": float(right_labels[number]), "truth": t} for t in (0.0, 1.0)]
        for k in range(ATTEMPTS):
            luck, kind, read, cut, called = draws[:, number, k]
            verdict = _RIGHT if luck < chance else _WRONG if read < c.parsed else _UNREAD
            usual = "right" if verdict.passed else "wrong"
            answer = usual if verdict.passed or kind > c.variety else f"{number} {k}"
            truth = verdict.passed == right_labels[number] and (verdict.passed or luck > 0.5)
            attempt = Attempt(
                task.id,
                "made up",
                (_turn(int(length[number, k]), round(float(surprisal[number, k]), 2)),),
                answer,
                StopReason.LENGTH if cut < c.cut else StopReason.END,
                int(called < c.inflow),
            )
            traces.append(Trace(task, attempt, verdict, "solver", measures[int(truth)]))
    return traces


def _propose(c: Conduct, generation: int, rng: np.random.Generator) -> list[Trace]:
    valid, new = rng.random(PROPOSALS) < c.valid, rng.random(PROPOSALS) < c.new
    surprisal = c.surprisal * rng.lognormal(-0.125, 0.5, PROPOSALS)
    fresh = rng.random(PROPOSALS) < c.fresh
    return [
        Trace(
            _REQUEST,
            Attempt(
                "request",
                "made up",
                (_turn(8, round(float(surprisal[i]), 2)),),
                f"{generation} {i}" if new[i] else "old",
                StopReason.END,
            ),
            _RIGHT if valid[i] else _UNREAD,
            "proposer",
            {"new": float(fresh[i])},
        )
        for i in range(PROPOSALS)
    ]


def _hold(c: Conduct, chances: np.ndarray, rng: np.random.Generator) -> list[Trace]:
    """Return attempts at the held tasks; a task's chance follows the mean and becomes sharp."""
    moved = chances ** (np.log(c.held) / np.log(0.4))
    order = np.argsort(np.argsort(-moved))
    sure = (order < round(c.held * HELD)).astype(float)
    chance = np.where(np.arange(HELD) < round(c.sharp * HELD), sure, moved)
    passed = rng.random((HELD, HELD_ATTEMPTS)) < chance[:, None]
    return [
        Trace(
            _task(1000 + number),
            Attempt(_task(1000 + number).id, "made up", (), "x", StopReason.END),
            _EXACT if passed[number, k] else _MISSED,
            "held",
        )
        for number in range(HELD)
        for k in range(HELD_ATTEMPTS)
    ]


def _audit(gain: float, before: float, rng: np.random.Generator) -> tuple[Audited, ...]:
    """Return audit items of a first state with that score, and a candidate that gained."""
    differ = max(_DISCORDANCE, abs(gain))
    lost = (differ - gain) / 2
    both = float(np.clip(before - lost, 0.0, 1.0 - differ))
    chances = [both, (differ + gain) / 2, lost, 1.0 - differ - both]
    kinds = rng.choice(4, size=ITEMS, p=chances)
    return tuple(
        Audited(FAMILIES[number % len(FAMILIES)], float(kind in (0, 1)), float(kind in (0, 2)))
        for number, kind in enumerate(kinds)
    )


@cache
def _common(conduct: Conduct) -> float:
    """Return how many common answers pass: the mean over many tasks."""
    rng = np.random.default_rng(1)
    groups = [group for _ in range(60) for group in by_task(_solve(conduct, rng))]
    return float(np.mean([commonest(group).verdict.passed for group in groups]))


@cache
def _task(number: int) -> Task:
    return Task(str(number), "", "", FAMILIES[number % len(FAMILIES)], 1)


@cache
def _turn(tokens: int, surprisal: float) -> Turn:
    return Turn("policy", "", tuple(range(tokens)), (-surprisal,))
