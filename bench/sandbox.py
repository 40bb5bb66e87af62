"""How fast isolated runs are, beside the bare cost of starting the same interpreter.

    python bench/sandbox.py [--runs 200] [--workers 2] [--json]

Every row is measured in this one call, in turns, so that a busy machine slows all of them alike;
the ratio is a row's time per run over that of an empty ``python -I -S -B -c pass``, as many at a
time. What else runs on the machine lowers runs per second, not so much the ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import End, Level, Program

INTERPRETER = os.path.realpath(sys.executable)
TRIVIAL = Program("def f(x): return x + 1", "f")
TURNS = 5


@dataclass(frozen=True)
class Row:
    """One way of running a trivial program."""

    name: str
    """What was run."""
    parallel: int
    """How many at a time."""
    runs_per_s: float
    """Median over the turns."""
    ms: float
    """Milliseconds per run: the time of a turn over its runs."""
    ratio: float
    """This over the first row with as many at a time."""


def bare() -> None:
    """Start an interpreter that does nothing."""
    subprocess.run([INTERPRETER, "-I", "-S", "-B", "-c", "pass"], check=True)


def plain() -> None:
    """Run the trivial program in a plain subprocess: no isolation, no limits."""
    source = f"{TRIVIAL.source}\nprint(f(1))"
    command = [INTERPRETER, "-I", "-S", "-B", "-c", source]
    found = subprocess.run(command, check=True, capture_output=True, timeout=15)
    assert found.stdout == b"2\n"


def sandboxed(sandbox: LocalSandbox) -> Callable[[], None]:
    """Return a run of the trivial program in a sandbox."""

    def once() -> None:
        outcome = sandbox.run(TRIVIAL, [(1,)])
        assert outcome.end is End.OK and outcome.results[0].value == 2, outcome

    return once


def inspect_local() -> Callable[[], None]:
    """Return a run in inspect_ai's local sandbox, which isolates nothing; needs inspect_ai."""
    from inspect_ai.util._sandbox.local import LocalSandboxEnvironment  # type: ignore

    source = f"{TRIVIAL.source}\nprint(f(1))"

    def once() -> None:
        async def run() -> None:
            environment = LocalSandboxEnvironment()
            await environment.exec([INTERPRETER, "-I", "-S", "-B", "-c", source], timeout=15)

        asyncio.run(run())

    return once


def measure(ways: dict[str, Callable[[], None]], runs: int, workers: int) -> list[Row]:
    """Time every way, one at a time and ``workers`` at a time, turn by turn."""
    rows = []
    for parallel in sorted({1, workers}):
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        with ThreadPoolExecutor(parallel) as threads:
            for once in ways.values():
                once()
            for _ in range(TURNS):
                for name, once in ways.items():
                    start = time.perf_counter()
                    for future in [threads.submit(once) for _ in range(runs // TURNS)]:
                        future.result()
                    seconds[name].append((time.perf_counter() - start) / (runs // TURNS))
        first = statistics.median(seconds[next(iter(ways))])
        for name, each in seconds.items():
            middle = statistics.median(each)
            rows.append(Row(name, parallel, 1 / middle, middle * 1e3, middle / first))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Runs per second of the sandbox.")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with (
        open_sandbox(workers=given.workers) as isolated,
        open_sandbox(Level.PROCESS, given.workers, {"namespaces", "landlock"}) as process,
    ):
        ways = {
            "empty interpreter": bare,
            "plain subprocess": plain,
            f"sandbox, {isolated.capability.level.name.lower()}": sandboxed(isolated),
            f"sandbox, {process.capability.level.name.lower()}": sandboxed(process),
        }
        if importlib.util.find_spec("inspect_ai"):
            ways["inspect_ai local"] = inspect_local()
        rows = measure(ways, given.runs, given.workers)
    load = os.getloadavg()[0]
    if given.json:
        found = {"cores": os.cpu_count(), "load": load, "rows": [asdict(row) for row in rows]}
        print(json.dumps(found, indent=2))
        return
    print(f"{os.cpu_count()} cores, load {load:.1f}, {given.runs} runs each")
    print(f"{'':22}{'parallel':>9}{'runs/s':>9}{'ms/run':>9}{'ratio':>7}")
    for row in rows:
        numbers = f"{row.parallel:9}{row.runs_per_s:9.1f}{row.ms:9.1f}{row.ratio:7.2f}"
        print(f"{row.name:22}{numbers}")


if __name__ == "__main__":
    main()
