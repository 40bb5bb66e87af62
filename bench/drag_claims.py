"""All runs of the contextual-drag claims on a machine of many cores, within a time, and packed.

    python -m bench.drag_claims --jobs 16 --seconds 540 --out $OUT

Weights are made first, the largest models before the others, so that no run waits for one; then the
claims are run as ``ratchet reproduce`` does, a process and a core each. What has ended when the
time is over is packed: ``claims.tar.gz`` and the weights, in parts of at most 15 MB. Given the
folder of an earlier call with ``--resume``, it goes on from there. Here the same results are read
from the unpacked folder:

    mkdir -p runs && tar xzf claims.tar.gz -C runs
    ratchet reproduce contextual_drag --tier tiny --out runs/claims-contextual_drag-tiny \\
        --docs docs/claims
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

from ratchet.engine.models.folder import MANIFEST, cache_folder, find_damage
from ratchet.recipes.contextual_drag.weights import PREFIX, WIDTHS

NAME = "claims-contextual_drag-tiny"
PART_BYTES = 15_000_000
_KEPT = ("config.toml", "report.json", "ledger.sqlite", "study.jsonl", "card.html")
_THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def make_weights(seeds: int, jobs: int, deadline: float) -> None:
    """Make the model of every size and seed, ``jobs`` at a time; those that are there stay."""
    sizes = sorted(WIDTHS, key=lambda size: -WIDTHS[size])
    waiting = [(size, seed) for size in sizes for seed in range(1, seeds + 1)]
    working: list[subprocess.Popen[bytes]] = []
    module = "ratchet.recipes.contextual_drag.weights"
    while (waiting or working) and time.monotonic() < deadline:
        while waiting and len(working) < jobs:
            size, seed = waiting.pop(0)
            words = [sys.executable, "-m", module, "--size", size, "--seed", str(seed)]
            working.append(subprocess.Popen(words, env={**os.environ, **_THREADS}))
        working = [process for process in working if process.poll() is None]
        time.sleep(0.2)
    _end(working)


def run_claims(out: Path, jobs: int, deadline: float) -> None:
    """Run the claims until they are done or the time is over; runs that have ended stay."""
    words = [sys.executable, "-m", "ratchet", "reproduce", "contextual_drag", "--tier", "tiny"]
    words += ["--jobs", str(jobs), "--out", str(out), "--quiet"]
    process = subprocess.Popen(words)
    try:
        process.wait(max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        _end([process], signal.SIGINT)


def pack(out: Path, to: Path) -> list[Path]:
    """Pack finished runs, what they were registered as, and the weights; return the archives."""
    to.mkdir(parents=True, exist_ok=True)
    archives = [to / "claims.tar.gz"]
    with tarfile.open(archives[0], "w:gz") as file:
        for path in sorted(p for p in out.glob("*") if p.is_file()):
            file.add(path, f"{NAME}/{path.name}")
        for report in sorted((out / "runs").glob("*/report.json")):
            if '"interrupted"' in report.read_text(encoding="utf-8"):
                continue
            for path in sorted(report.parent.rglob("*")):
                if path.name in _KEPT:
                    file.add(path, f"{NAME}/{path.relative_to(out)}")
    models = [f for f in sorted(cache_folder().glob(f"{PREFIX}*")) if find_damage(f) is None]
    parts: list[list[Path]] = []
    room = 0
    for model in models:
        size = sum(path.stat().st_size for path in model.iterdir())
        if size > room:
            parts.append([])
            room = PART_BYTES
        parts[-1].append(model)
        room -= size
    for number, part in enumerate(parts):
        archives.append(to / f"weights_{number}.tar")
        with tarfile.open(archives[-1], "w") as file:
            for model in part:
                file.add(model, model.name)
    return archives


def unpack(source: Path, out: Path) -> None:
    """Put runs and weights of an earlier call where this one goes on with them."""
    if (source / "claims.tar.gz").is_file():
        with tarfile.open(source / "claims.tar.gz") as file:
            file.extractall(out.parent, filter="data")
    for part in sorted(source.glob("weights_*.tar")):
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tarfile.open(part) as file:
            file.extractall(cache_folder(), filter="data")


def _end(processes: Sequence[subprocess.Popen[bytes]], by: int = signal.SIGTERM) -> None:
    """Stop processes; an interrupted ``reproduce`` stops its own."""
    for process in processes:
        process.send_signal(by)
    for process in processes:
        try:
            process.wait(30.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Make weights, run, pack."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=540.0)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    began, out = time.monotonic(), given.runs / NAME
    given.runs.mkdir(parents=True, exist_ok=True)
    if given.resume:
        unpack(given.resume, out)
    deadline = began + given.seconds
    make_weights(given.seeds, given.jobs, deadline)
    made = sum((f / MANIFEST).is_file() for f in cache_folder().glob(f"{PREFIX}*"))
    print(f"weights: {made} models after {time.monotonic() - began:.0f} s", flush=True)
    run_claims(out, given.jobs, deadline)
    ended = len(list((out / "runs").glob("*/report.json")))
    print(f"runs: {ended} have a report after {time.monotonic() - began:.0f} s", flush=True)
    for archive in pack(out, given.out):
        print(f"{archive}: {archive.stat().st_size / 1e6:.1f} MB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
