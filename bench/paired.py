"""Timing two ways of doing the same work against each other, in turns, on an idle machine."""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

BUSY = 0.25
"""Share of the machine's cores that other work may use when a bench starts."""


@dataclass(frozen=True)
class Row:
    """One line of a bench: our time and the peer's for the same work."""

    name: str
    """What was done."""
    ours_s: float
    """Median seconds."""
    peer_s: float
    """Median seconds of the peer."""
    ratio: float
    """Median over rounds of peer / ours: above 1 we are faster."""
    low: float
    """Smallest ratio of a round."""
    high: float
    """Largest ratio of a round."""
    extra: Mapping[str, float] = field(default_factory=dict)
    """Further measurements."""


def compare(
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    rounds: int,
    extra: Mapping[str, float] | None = None,
) -> Row:
    """Run both in turns, ours first in every second round, after one round that is not counted."""
    ours(), peer()
    times: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2:
            theirs = clock(peer)
            times.append((clock(ours), theirs))
        else:
            own = clock(ours)
            times.append((own, clock(peer)))
    return row_of(name, times, extra)


def row_of(
    name: str, times: Sequence[tuple[float, float]], extra: Mapping[str, float] | None = None
) -> Row:
    """Return the row of rounds (ours, peer), in seconds."""
    ratios = [peer / own for own, peer in times]
    return Row(
        name,
        statistics.median(own for own, _ in times),
        statistics.median(peer for _, peer in times),
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        dict(extra or {}),
    )


def clock(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def geomean(values: Sequence[float]) -> float:
    """Return the geometric mean."""
    return math.exp(statistics.fmean(math.log(value) for value in values))


def require_idle() -> None:
    """End the process unless the cores have been idle for the last two seconds."""
    before = _busy_seconds()
    time.sleep(2.0)
    used = (_busy_seconds() - before) / (2.0 * count_cores())
    if used > BUSY:
        sys.exit(
            f"the machine is busy: other work uses {used:.0%} of it, so no timing would mean "
            "anything\n  next: wait for it to end, then run this again"
        )


def count_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def report(
    title: str, rows: Sequence[Row], summary: Mapping[str, float], notes: Sequence[str], plain: bool
) -> None:
    """Print a table, or with ``plain`` one JSON document."""
    if plain:
        print(json.dumps({**summary, "rows": [asdict(row) for row in rows], "notes": list(notes)}))
        return
    print(title)
    head = ["", "ours", "peer", "ratio", "low", "high"]
    lines = [head, *[_cells(row) for row in rows]]
    print(table(lines))
    for row in rows:
        for key, value in row.extra.items():
            print(f"  {row.name}: {key} {value:.3g}")
    for key, value in summary.items():
        print(f"{key}: {value:.3g}")
    for note in notes:
        print(note)


def table(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as a text of columns, each as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cells(row: Row) -> list[str]:
    times = [f"{row.ours_s:.3f} s", f"{row.peer_s:.3f} s"]
    return [row.name, *times, f"{row.ratio:.2f}", f"{row.low:.2f}", f"{row.high:.2f}"]


def _busy_seconds() -> float:
    """Return the CPU seconds of all cores so far, without those that were idle or stolen."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(value) for value in file.readline().split()[1:]]
    idle = fields[3] + fields[4]
    stolen = fields[7] if len(fields) > 7 else 0
    return (sum(fields[:8]) - idle - stolen) / os.sysconf("SC_CLK_TCK")


def arguments() -> Any:
    """Return the parsed command line that all benches share."""
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rounds", type=int, default=3, help="paired rounds of each row")
    parser.add_argument("--threads", type=int, default=count_cores(), help="threads of both sides")
    parser.add_argument("--busy", action="store_true", help="run although the machine is busy")
    found = parser.parse_args()
    if not found.busy:
        require_idle()
    return found
