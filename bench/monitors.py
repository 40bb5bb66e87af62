"""How often monitors fire on what is sound, and how soon on what is not.

``python -m bench.monitors [RUN ...] [--runs N] [--json]``: by simulation of made-up runs, and over
recorded runs of Agent0, which are only read, audits included. A run from before monitors has no
audit scores; scores on its gate anchors stand in for them.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from bench.monitor_courses import BROKEN, CLEAN, EDGE, ITEMS, Course, play
from ratchet.core.codec import from_data
from ratchet.core.evidence import Evidence, Scores
from ratchet.core.records import Record, Trace
from ratchet.core.seeds import Seed
from ratchet.diagnose.reading import by_task, of_role
from ratchet.loop.audit import audited
from ratchet.loop.folder import RunFolder
from ratchet.loop.gate import paired_items
from ratchet.loop.monitor import Audited, Monitor, Past, Seen, judge_all, read_all
from ratchet.recipes.agent0.config import Config
from ratchet.recipes.coevolution.monitors import list_monitors
from ratchet.stats import wilson_interval
from ratchet.verify.labels import judge, trace_labelled
from ratchet.worlds.arithmetic import Arithmetic

WINDOW, GENERATIONS, BROKEN_GENERATIONS = 3, 6, 8
_GENERIC = Config(recipe="agent0", charter="arithmetic", band_low=0.1, band_high=0.9)

Data = dict[str, Any]


def watch(monitors: Sequence[Monitor], seen: Sequence[Seen]) -> dict[str, int]:
    """Return the first generation, from 1, in which each monitor fires; absent if it never does."""
    history: list[Past] = []
    first: dict[str, int] = {}
    for number, generation in enumerate(seen, 1):
        window = [one.records for one in seen[max(0, number - WINDOW) : number]]
        history.append(Past(read_all(monitors, window), generation.audit))
        for finding in judge_all(monitors, history):
            first.setdefault(finding.name, number)
    return first


def count(course: Course, runs: int, seed: int, generations: int = GENERATIONS) -> Data:
    """Play a course many times; return by monitor how often it fired, and when first."""
    monitors = list_monitors(_GENERIC)
    fired = Counter[str]()
    when: dict[str, list[int]] = {}
    for run in range(runs):
        rng = Seed(seed).child(course.name, run).rng()
        for name, generation in watch(monitors, play(course, generations, rng)).items():
            fired[name] += 1
            when.setdefault(name, []).append(generation)
    every = [monitor.name for monitor in monitors]
    print(course.name, dict(fired), file=sys.stderr, flush=True)
    return {
        "course": course.name,
        "runs": runs,
        "fired": {name: fired[name] for name in every},
        "first": {name: float(np.median(when[name])) for name in every if name in when},
    }


def read_run(path: Path) -> tuple[Config, list[Seen]]:
    """Read a recorded run: its settings, records and audits; gate scores where it has no audits.

    Then the first state's score is the incumbent's, less the gain with which that was promoted.
    """
    config = Config(**tomllib.loads((path / "config.toml").read_text("utf-8")))
    with sqlite3.connect(f"file:{path / 'ledger.sqlite'}?mode=ro&immutable=1", uri=True) as db:
        rows = db.execute("select body from entries where kind = 'generation' order by seq")
        bodies = [json.loads(body) for (body,) in rows]
    seen, carried = [], 0.0
    for body in bodies:
        records = RunFolder(path).read_records(body["generation"])
        if body.get("audit"):
            scores = {name: from_data(Scores, data) for name, data in body["audit"].items()}
            seen.append(Seen(records, audited(scores)))
            continue
        evidence = from_data(Evidence, body["evidence"])
        pairs = paired_items(evidence.candidate, evidence.incumbent)
        audit = [
            Audited(a.family, a.score, min(1.0, max(0.0, b.score - carried))) for a, b in pairs
        ]
        seen.append(Seen(records, tuple(audit)))
        if body["decision"]["verb"] == "promote" and config.gate == "enforce":
            carried += float(np.mean([a.score - b.score for a, b in pairs]))
    return config, seen


def redraw(seen: Sequence[Seen], rng: np.random.Generator) -> list[Seen]:
    """Draw every generation's tasks, with all their attempts, and its audit items again.

    Proposals stay: drawn again, they would repeat each other.
    """
    drawn = []
    for generation in seen:
        records: list[Record] = list(of_role(generation.records, "proposer"))
        groups = by_task(of_role(generation.records, "solver"))
        for number, at in enumerate(rng.integers(len(groups), size=len(groups))):
            records += [_renamed(trace, str(number)) for trace in groups[at]]
        size = ITEMS if generation.audit else 0
        chosen = rng.integers(max(1, len(generation.audit)), size=size)
        drawn.append(Seen(records, tuple(generation.audit[at] for at in chosen)))
    return drawn


def _renamed(trace: Trace, name: str) -> Trace:
    task = type(trace.task)(name, "", "", trace.task.family, trace.task.level)
    return Trace(task, trace.attempt, trace.verdict, trace.role, trace.measures)


def by_plurality(seen: Sequence[Seen]) -> list[Seen]:
    """Label the recorded attempts by plurality, with the truth beside it."""
    world, relabelled = Arithmetic(), []
    for generation in seen:
        records: list[Record] = []
        for group in by_task(of_role(generation.records, "solver")):
            attempts = [trace.attempt for trace in group]
            rng = np.random.default_rng(0)
            records += trace_labelled(judge(world, group[0].task, attempts, "plurality", rng))
        relabelled.append(Seen(records, generation.audit))
    return relabelled


def replay(path: Path, redraws: int, seed: int) -> Data:
    """Show a recorded run to the monitors as it was, redrawn, and labelled by plurality."""
    config, seen = read_run(path)
    monitors = list_monitors(config)
    fired = Counter[str]()
    for number in range(redraws):
        again = redraw(seen, Seed(seed).child(path.name, number).rng())
        fired.update(list(watch([m for m in monitors if m.name != "proposal_collapse"], again)))
    reading: dict[str, list[dict[str, float]]] = {m.name: [] for m in monitors}
    for number in range(1, len(seen) + 1):
        window = [one.records for one in seen[max(0, number - WINDOW) : number]]
        for name, numbers in read_all(monitors, window).items():
            reading[name].append(numbers)
    labels = [m for m in monitors if m.name == "label_error"]
    voted = by_plurality(seen)
    return {
        "run": path.name,
        "generations": len(seen),
        "fired": watch(monitors, seen),
        "redraws": redraws,
        "fired_redrawn": dict(fired),
        "audit": [fmean(a.change for a in s.audit) if s.audit else None for s in seen],
        "readings": {
            "variety": _means(reading["rollout_collapse"], "variety"),
            "surprisal": _means(reading["rollout_collapse"], "surprisal"),
            "new": _means(reading["proposal_collapse"], "new"),
            "proposal_surprisal": _means(reading["proposal_collapse"], "surprisal"),
            "parsed": _means(reading["solver_format_drift"], "parsed"),
            "cut": _means(reading["solver_format_drift"], "cut"),
            "tokens": _means(reading["solver_format_drift"], "turn_tokens"),
        },
        "plurality": {
            "label_accuracy": [
                labels[0].read([s.records]).get("label_accuracy.mean") for s in voted
            ],
            "j": [labels[0].read([s.records]).get("j") for s in voted],
            "fired": watch(labels, voted),
        },
    }


def _means(readings: Sequence[dict[str, float]], name: str) -> list[float | None]:
    return [numbers.get(f"{name}.mean") for numbers in readings]


def measure(paths: Sequence[Path], runs: int, seed: int) -> Data:
    """Do all of it."""
    return {
        "clean": [count(course, runs, seed) for course in CLEAN],
        "edge": [count(course, runs, seed) for course in EDGE],
        "broken": [
            {"watch": name, **count(course, max(1, runs // 5), seed, BROKEN_GENERATIONS)}
            for name, course in BROKEN
        ],
        "recorded": [replay(path, max(1, runs // 5), seed) for path in paths],
    }


def write_text(data: Data) -> str:
    """Return the figures as text."""
    lines = []
    for kind in ("clean", "edge"):
        lines.append(f"{kind}: runs of {GENERATIONS} generations in which a monitor ever fired")
        for row in data[kind]:
            told = ", ".join(
                f"{name} {_share(k, row['runs'])}" for name, k in row["fired"].items() if k
            )
            lines.append(f"  {row['course']} ({row['runs']} runs): {told or 'none fired'}")
        most = max(k for row in data[kind] for k in row["fired"].values())
        runs = sum(row["runs"] for row in data[kind])
        total = sum(k for row in data[kind] for k in row["fired"].values())
        lines.append(f"  most by one monitor {most}; alarms in all {total} of {runs} runs")
    lines.append(
        f"broken, from generation 3 or evenly to the last of {BROKEN_GENERATIONS}: share of "
        "runs in which it fired, and the median generation"
    )
    for row in data["broken"]:
        found = {n: k for n, k in row["fired"].items() if n.endswith(row["watch"])}
        told = ", ".join(
            f"{n} {_share(k, row['runs'])} at {row['first'].get(n, '-')}" for n, k in found.items()
        )
        others = {n: k for n, k in row["fired"].items() if n not in found and k}
        lines.append(f"  {row['course']}: {told}; others: {others or 'none'}")
    for row in data["recorded"]:
        lines.append(
            f"recorded {row['run']}: fired {row['fired'] or 'none'}; redrawn "
            f"{row['redraws']} times: {row['fired_redrawn'] or 'none'}"
        )
        lines += [f"  {name}: {_row(values)}" for name, values in row["readings"].items()]
        lines.append(f"  audit (gate in its place): {_row(row['audit'])}")
        lines += [
            f"  by plurality, {name}: {_row(values) if isinstance(values, list) else values}"
            for name, values in row["plurality"].items()
        ]
    return "\n".join(lines)


def _share(k: int, n: int) -> str:
    found = wilson_interval(k, n)
    return f"{found.mean:.4f} [{found.low:.4f}, {found.high:.4f}]"


def _row(values: Sequence[float | None]) -> str:
    return " ".join("-" if value is None else f"{value:.2f}" for value in values)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="*", type=Path, help="folders of recorded runs of agent0")
    parser.add_argument("--runs", type=int, default=400, help="made-up runs of each clean course")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    data = measure(given.run, given.runs, given.seed)
    print(json.dumps(data, indent=1) if given.json else write_text(data))
    return 0


if __name__ == "__main__":
    sys.exit(main())
