"""How often the stop rule of learnable gain stops a course that would still have improved.

``python -m bench.gain [--runs N]``: a simulation (`ratchet/curriculum/memoriser.py`), no language
model. A stop is false if a later round of the same course, played on to its end, scores more than
a point above the round in which it would have stopped. ``--rounds`` lengthens the courses.
``--recorded FOLDER ...``: the same rules over runs of a recipe on arithmetic, which are only read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from ratchet.core.seeds import Seed
from ratchet.curriculum.memoriser import Round, Setting, memorise
from ratchet.diagnose.information_gain import STOP, LearnableGain
from ratchet.diagnose.reading import by_task, of_role
from ratchet.loop.folder import RunFolder
from ratchet.recipes.toy_self_play.studies import Course, watch
from ratchet.stats import wilson_interval

LATER, LATER_RECORDED = 0.01, 0.05
"""What a later round must have above the stop for it to be false: scores of recorded runs are those
of 32 held tasks."""
KINDS = (
    ("memorises: few questions, voted labels", Setting()),
    ("runs out: few questions, true labels", Setting(truth=True)),
    (
        "still improves: slowly, new questions, true labels",
        Setting(truth=True, questions=400, lr=3),
    ),
    ("still improves: new questions, true labels", Setting(truth=True, questions=400)),
)
RULES = (("texts alone", LearnableGain()), ("held tasks too", STOP))
_HEAD = (
    "| rule | course | runs | stopped | median round | median peak | stopped before the peak "
    "| false stops | most points lost |\n|---|---|---|---|---|---|---|---|---|"
)


def describe(rule: str, name: str, courses: Sequence[Course], later: float = LATER) -> str:
    """Return a row of the table."""
    when = sorted(course.stop for course in courses if course.stop)
    false = wilson_interval(sum(c.lost > later for c in courses), len(courses))
    early = sum(bool(c.stop) and (c.stop or 0) < c.peak for c in courses)
    return (
        f"| {rule} | {name} | {len(courses)} | {len(when)} "
        f"| {when[len(when) // 2] if when else '-'} "
        f"| {sorted(c.peak for c in courses)[len(courses) // 2]} | {early} "
        f"| {false.mean:.2f} [{false.low:.2f}, {false.high:.2f}] "
        f"| {100 * max(c.lost for c in courses):.1f} |"
    )


def read_run(path: Path) -> list[Round]:
    """Return a recorded run's rounds; the score is pass@1 on the held tasks."""
    rounds = []
    for number in range(1, len(list((path / "records").glob("gen-*"))) + 1):
        records = RunFolder(path).read_records(number)
        texts = tuple((t.task.prompt, t.attempt.answer.strip()) for t in of_role(records, "solver"))
        groups = by_task(of_role(records, "held"))
        shares = {g[0].task.id: fmean(t.verdict.passed for t in g) for g in groups}
        held = tuple(shares[name] for name in sorted(shares))
        rounds.append(Round(texts, fmean(held), held))
    return rounds


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, or read, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--show", action="store_true", help="print scores and gains of one course")
    parser.add_argument("--recorded", nargs="+", type=Path, default=[], metavar="FOLDER")
    given = parser.parse_args(arguments)
    print(_HEAD)
    if given.recorded:
        runs = [read_run(path) for path in given.recorded]
        for rule, monitor in RULES:
            courses = [watch(rounds, monitor) for rounds in runs]
            print(describe(rule, "recorded", courses, LATER_RECORDED), flush=True)
            for path, course in zip(given.recorded, courses, strict=True):
                if given.show or course.stop:
                    _show(f"{path.name}, stop {course.stop}", course)
        return 0
    for name, setting in KINDS:
        played = [
            memorise(replace(setting, rounds=given.rounds), Seed(n).child("memoriser"))
            for n in range(1, given.runs + 1)
        ]
        for rule, monitor in RULES:
            courses = [watch(rounds, monitor) for rounds in played]
            print(describe(rule, name, courses), flush=True)
        if given.show:
            _show("the first", courses[0])
    return 0


def _show(name: str, course: Course) -> None:
    print(f"  {name}: C_t", *(f"{gain:+.2f}" for gain in course.gains))
    print("  score", *(f"{score:.2f}" for score in course.scores))


if __name__ == "__main__":
    sys.exit(main())
