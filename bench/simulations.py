"""The simulations of docs/simulations.md.

``python -m bench.simulations [--seeds N] [--only TABLE]``
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ratchet.core.seeds import Seed
from ratchet.curriculum.drift import follow_drift, teach_naturally
from ratchet.curriculum.game import play_game
from ratchet.curriculum.simulation import co_evolve, teach_under_noise
from ratchet.stats import seed_interval

JS = (-0.6, -0.3, -0.1, 0.0, 0.1, 0.3, 0.6, 1.0)
TIME = 3.0
BETAS, QUALITIES = (0.0, 0.02, 0.1, 0.5), (0.0, 0.3, 1.0, 7.0)
CONCENTRATIONS = (-1.5, -0.5, 0.0, 0.5, 1.0, 1.5)


def describe_noise(roots: Sequence[Seed]) -> str:
    """Return what noisy verdicts teach."""
    lines = ["| J | right answers after 400 steps |", "|---|---|"]
    for j in JS:
        found = seed_interval([teach_under_noise(j, root) for root in roots])
        lines.append(f"| {j:+.1f} | {found.mean:.3f} [{found.low:.3f}, {found.high:.3f}] |")
    return "\n".join(lines) + "\n"


def describe_drift(roots: Sequence[Seed]) -> str:
    """Return what noisy verdicts teach under natural gradient, beside the exact formula."""
    lines = ["| J | right answers, simulated | by the formula |", "|---|---|---|"]
    for j in JS:
        found = seed_interval([teach_naturally(j, root, TIME) for root in roots])
        lines.append(
            f"| {j:+.1f} | {found.mean:.3f} [{found.low:.3f}, {found.high:.3f}] "
            f"| {follow_drift(j, TIME):.3f} |"
        )
    return "\n".join(lines) + "\n"


def describe_game(roots: Sequence[Seed]) -> str:
    """Return what becomes of Language Self-Play by the weights of KL and quality."""
    lines = [
        "| challenger | quality | beta | score | gain | nonsense | signal | silent from step |",
        "|---|---|---|---|---|---|---|---|",
    ]
    cases = [("frozen", 0.0, 0.0)]
    cases += [("trained", quality, beta) for quality in QUALITIES for beta in BETAS]
    for challenger, quality, beta in cases:
        games = [play_game(beta, quality, r, trained=challenger == "trained") for r in roots]
        gain = seed_interval([game.score - game.base for game in games])
        score, nonsense, signal, silent = (
            sum(getattr(game, name) for game in games) / len(games)
            for name in ("score", "nonsense", "signal", "silent_from")
        )
        lines.append(
            f"| {challenger} | {quality:g} | {beta:g} | {score:.3f} "
            f"| {gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] "
            f"| {nonsense:.2f} | {signal:.2f} | {silent:.0f} |"
        )
    return "\n".join(lines) + "\n"


def describe_coevolution(roots: Sequence[Seed]) -> str:
    """Return when an uncertainty-seeking proposer helps."""
    seeds = len(roots)
    lines = [
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


TABLES = {
    "noise": describe_noise,
    "drift": describe_drift,
    "coevolution": describe_coevolution,
    "game": describe_game,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--only", choices=TABLES, help="one table")
    given = parser.parse_args(arguments)
    roots = [Seed(n) for n in range(1, given.seeds + 1)]
    names = [given.only] if given.only else list(TABLES)
    sys.stdout.write("\n".join(TABLES[name](roots) for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
