"""Peak memory of the engine and of ``transformers``: ``python -m bench.memory [--json]``.

SmolLM2-135M in float32. Every line is two fresh processes that load the model, do the work once and
tell the most memory the system counted, so what libraries take is in it on both sides. Sampling is
against ``generate``; training, against a plain forward and backward of every row, prompt and all,
with logits at every position and the same number of tokens at once. What our lines should show
besides: memory that does not grow with rows, and policies that share one base.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from bench.paired import arguments, table

ROWS = (32, 128, 512)
"""Rows that are sampled or trained on; groups of 8, prompts of 64 tokens, answers of 16."""
POLICIES = (1, 2, 4, 8)
"""Adapters of rank 16 on one base, each of which then takes a step on 32 rows."""


@dataclass(frozen=True)
class Line:
    """Peak memory of the same work on both sides, in MB."""

    name: str
    """What was done."""
    ours_mb: float
    """Ours."""
    peer_mb: float | None
    """The peer's; None where there is none."""


def main() -> None:
    """Measure and print."""
    options = arguments()
    threads = str(options.threads)
    lines = []
    for work in ("sample", "train"):
        for rows in ROWS:
            pair = [_peak(side, work, str(rows), threads) for side in ("ours", "peer")]
            lines.append(Line(f"{work} {rows} rows", *pair))
    lines.append(
        Line("train 128 rows, recomputing", _peak("ours", "recompute", "128", threads), None)
    )
    for count in POLICIES:
        peak = _peak("ours", "policies", str(count), threads)
        lines.append(Line(f"{count} policies trained in turn", peak, None))
    found = {line.name: line for line in lines}
    at_128 = found["train 128 rows"]
    assert at_128.peer_mb is not None
    summary = {
        "train_share_of_peer": at_128.ours_mb / at_128.peer_mb,
        "train_growth_32_to_512_mb": found["train 512 rows"].ours_mb
        - found["train 32 rows"].ours_mb,
        "mb_a_policy": (lines[-1].ours_mb - lines[-len(POLICIES)].ours_mb)
        / (POLICIES[-1] - POLICIES[0]),
    }
    if options.json:
        printed = [vars(line) for line in lines]
        print(json.dumps({**summary, "rows": printed, "threads": options.threads}))
        return
    cells = [[line.name, f"{line.ours_mb:.0f} MB", _mb(line.peer_mb)] for line in lines]
    print(table([["", "ours", "transformers"], *cells]))
    for key, value in summary.items():
        print(f"{key}: {value:.3g}")


def _peak(*arguments: str) -> float:
    command = [sys.executable, "-m", "bench.sides.memory", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout)["peak_mb"])


def _mb(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} MB"


if __name__ == "__main__":
    main()
