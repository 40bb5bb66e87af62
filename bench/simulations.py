"""The simulations of docs/simulations.md: ``python -m bench.simulations [--seeds N]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ratchet.core.seeds import Seed
from ratchet.curriculum.simulation import co_evolve, teach_under_noise
from ratchet.stats import seed_interval

JS = (-0.6, -0.3, -0.1, 0.0, 0.1, 0.3, 0.6, 1.0)
CONCENTRATIONS = (-1.5, -0.5, 0.0, 0.5, 1.0, 1.5)


def describe(seeds: int) -> str:
    """Return both tables."""
    roots = [Seed(n) for n in range(1, seeds + 1)]
    lines = ["| J | right answers after 400 steps |", "|---|---|"]
    for j in JS:
        found = seed_interval([teach_under_noise(j, root) for root in roots])
        lines.append(f"| {j:+.1f} | {found.mean:.3f} [{found.low:.3f}, {found.high:.3f}] |")
    lines += [
        "",
        "| concentration | label accuracy | trained | untrained | trained - untrained | pinned |",
        "|---|---|---|---|---|---|",
    ]
    cases = [(c, False) for c in CONCENTRATIONS] + [(CONCENTRATIONS[-1], True)]
    for concentration, oracle in cases:
        runs = [
            [co_evolve(concentration, r, trained=t, oracle=oracle) for r in roots]
            for t in (True, False)
        ]
        trained, plain = ([run.score for run in arm] for arm in runs)
        effect = seed_interval([a - b for a, b in zip(trained, plain, strict=True)])
        accuracy = sum(run.label_accuracy for run in runs[0]) / seeds
        pinned = [sum(run.pinned[i] for run in runs[0]) / seeds for i in range(3)]
        name = f"{concentration:+.1f}" + (", true labels" if oracle else "")
        lines.append(
            f"| {name} | {accuracy:.2f} | {sum(trained) / seeds:.3f} | {sum(plain) / seeds:.3f} "
            f"| {effect.mean:+.3f} [{effect.low:+.3f}, {effect.high:+.3f}] "
            f"| {' '.join(f'{rate:.2f}' for rate in pinned)} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=12)
    sys.stdout.write(describe(parser.parse_args(arguments).seeds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
