"""One whole GRPO step against TRL's: ``python -m bench.grpo_step [--json]``.

16 groups of 8, prompts of 64 tokens, answers of 16, LoRA of rank 16 on all linear layers,
SmolLM2-135M in float32. TRL's ``GRPOTrainer(use_cpu=True)`` runs in the peers' environment (``make
bench-deps``). It draws all 128 answers at once and trains on as many rows at a time as each line
says: all 128 need some 21 GB. The processes stay alive and step in turns; their peak memory is the
system's count.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.paired import arguments, report, row_of
from ratchet.core.seeds import Seed
from ratchet.engine import models
from ratchet.engine.local import LocalEngine
from ratchet.engine.protocol import Adapter

PEERS = Path(".bench/bin/python")
"""Python of the peers' environment."""
PLAN: dict[str, Any] = {
    "group": 8,
    "prompt_tokens": 64,
    "answer_tokens": 16,
    "rank": 16,
    "alpha": 32,
    "micro_tokens": 1024,
}
SIDES = ("ours_peak_mb", "peer_peak_mb")
PEER_ROWS = (64, 16)
"""Rows that TRL trains on at a time: fewer take less memory."""
WORDS = """
the of and to in is that for it as was with be by on not he his but at are this have from or had an
they which one you were all her she there would their we him been has when who will no more if out
so what up said about than into them can only other time new some could these two
"""


class Side:
    """A process that does its step when told to."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._read()

    def step(self) -> dict[str, float]:
        """Have it take one step; return seconds and peak memory in MB."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(self._process.args)} ended with {self._process.wait()}")  # type: ignore[arg-type]
        data: dict[str, float] = json.loads(line)
        return data


def main() -> None:
    """Measure and print."""
    options = arguments()
    if not PEERS.exists():
        sys.exit("the peers are not installed\n  next: make bench-deps")
    rows, memory = [], {}
    for count in PEER_ROWS:
        steps = _take_turns(count, options.rounds, options.threads)
        seconds = [(own["seconds"], other["seconds"]) for own, other in steps]
        peaks = steps[-1][0]["peak_mb"], steps[-1][1]["peak_mb"]
        rows.append(row_of(f"TRL by {count} rows", seconds, dict(zip(SIDES, peaks, strict=True))))
        memory[count] = peaks
    summary = {
        "ratio": min(row.ratio for row in rows),
        "memory_share": max(own / other for own, other in memory.values()),
    }
    notes = [f"threads {options.threads}, rounds {options.rounds}"]
    report("one GRPO step against TRL", rows, summary, notes, options.json)


def _take_turns(
    peer_rows: int, rounds: int, threads: int
) -> list[tuple[dict[str, float], dict[str, float]]]:
    """Return what both sides told of every counted round."""
    with tempfile.TemporaryDirectory() as scratch:
        plan = Path(scratch) / "plan.json"
        settings = {
            **PLAN,
            "peer_rows": peer_rows,
            "model": str(models.resolve("smollm2")),
            "prompts": make_prompts(16, PLAN["prompt_tokens"]),
            "threads": threads,
            "steps": rounds + 1,
            "scratch": scratch,
        }
        plan.write_text(json.dumps(settings), encoding="utf-8")
        ours = Side([sys.executable, "-m", "bench.sides.ours_step", str(plan)])
        peer = Side([str(PEERS), "bench/sides/trl_step.py", str(plan)])
        try:
            ours.step(), peer.step()
            return [(ours.step(), peer.step()) for _ in range(rounds)]
        finally:
            ours.close()
            peer.close()


def make_prompts(count: int, length: int) -> list[str]:
    """Return texts of exactly ``length`` tokens that share no prefix."""
    engine = LocalEngine()
    engine.create("p", "smollm2", Adapter(1))
    single = [word for word in WORDS.split() if len(engine.encode("p", f" {word}")) == 1]
    rng = Seed(1).child("words").rng()
    texts = []
    for number in range(count):
        words = [single[number], *rng.choice(single, length - 1).tolist()]
        texts.append("".join(f" {word}" for word in words))
    assert all(len(engine.encode("p", text)) == length for text in texts)
    return texts


if __name__ == "__main__":
    main()
