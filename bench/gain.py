"""How often the stop rule of learnable gain stops a course that would still have improved.

``python -m bench.gain [--runs N]``: a simulation (`ratchet/curriculum/memoriser.py`), no language
model. A stop is false if a later round of the same course, played on to its end, scores more than
a point above the round in which it would have stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ratchet.core.seeds import Seed
from ratchet.curriculum.memoriser import Setting, memorise
from ratchet.diagnose.information_gain import LearnableGain
from ratchet.recipes.toy_self_play.studies import Course, watch
from ratchet.stats import wilson_interval

LATER = 0.01
KINDS = (
    ("memorises: few questions, voted labels", Setting()),
    ("runs out: few questions, true labels", Setting(truth=True)),
    (
        "still improves: slowly, new questions, true labels",
        Setting(truth=True, questions=400, lr=3),
    ),
    ("still improves: new questions, true labels", Setting(truth=True, questions=400)),
)


def describe(name: str, courses: Sequence[Course]) -> str:
    """Return a row of the table."""
    when = sorted(course.stop for course in courses if course.stop)
    false = wilson_interval(sum(c.lost > LATER for c in courses), len(courses))
    early = sum(bool(c.stop) and (c.stop or 0) < c.peak for c in courses)
    return (
        f"| {name} | {len(courses)} | {len(when)} | {when[len(when) // 2] if when else '-'} "
        f"| {sorted(c.peak for c in courses)[len(courses) // 2]} | {early} "
        f"| {false.mean:.2f} [{false.low:.2f}, {false.high:.2f}] "
        f"| {100 * max(c.lost for c in courses):.1f} |"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--show", action="store_true", help="print scores and gains of one course")
    given = parser.parse_args(arguments)
    print(
        "| course | runs | stopped | median round | median peak | stopped before the peak "
        "| false stops | most points lost |\n|---|---|---|---|---|---|---|---|"
    )
    for name, setting in KINDS:
        courses = [
            watch(memorise(setting, Seed(n).child("memoriser")), LearnableGain())
            for n in range(1, given.runs + 1)
        ]
        print(describe(name, courses), flush=True)
        if given.show:
            print("  C_t", *(f"{gain:+.2f}" for gain in courses[0].gains))
            print("  score", *(f"{score:.2f}" for score in courses[0].scores))
    return 0


if __name__ == "__main__":
    sys.exit(main())
