"""The page of the claims on scaling laws: arms, verdicts and intervals, from results alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.scaling_claims import ARMS, BOUNDS, CLAIMS, Claim
from ratchet.core.codec import hash_data, to_data
from ratchet.core.seeds import Seed
from ratchet.stats import Interval, hierarchical_bootstrap

Known = Mapping[str, Mapping[str, Any]]


def render(known: Known, tasks: Sequence[str], seeds: Sequence[int], budget: int) -> str:
    """Return the page. What is missing is said; a claim with a gap in its runs has no verdict."""

    def values(label: str, metric: str, task: str) -> list[float | None]:
        runs = (known.get(f"{task}-{label}-{seed}-{budget}") for seed in seeds)
        return [None if run is None else float(run[metric]) for run in runs]

    total = len(tasks) * len(seeds) * len(ARMS)
    registered = hash_data(to_data({"arms": dict(ARMS), "claims": CLAIMS}))
    parts = [
        _HEAD.format(
            hash=registered, budget=budget, seeds=len(seeds), tasks=len(tasks), total=total
        ),
        f"{len(known)} of {total} runs, {sum(r['seconds'] for r in known.values()):.0f} s of "
        "running, added up.\n",
        "| claim | verdict | difference | 95% interval |\n|---|---|---|---|",
    ]
    for claim in CLAIMS:
        told = judge(claim, values, tasks, len(seeds))
        if told is None:
            parts.append(f"| {claim.name} | not measured: runs are missing | | |")
            continue
        word = verdict(claim, told)
        span = f"{told.low:+.3f} to {told.high:+.3f}"
        parts.append(f"| {claim.name} | **{word}** | {told.mean:+.3f} | {span} |")
    parts.append("\n" + "\n".join(f"- {c.name}: {_sentence(c)}" for c in CLAIMS))
    parts.append(_table("R2 beyond the rows seen, mean of seeds", "r2", values, tasks, seeds))
    parts.append(_table("Gap: R2 of the fit less R2 beyond", "gap", values, tasks, seeds))
    parts.append("## The arms\n\n" + "\n".join(f"- `{n}`: {arm.told}" for n, arm in ARMS.items()))
    return "\n".join(parts) + "\n"


def judge(claim: Claim, values: Any, tasks: Sequence[str], seeds: int) -> Interval | None:
    """Return the difference over tasks and seeds; None if a run is missing or seeds are too few."""
    rows = []
    for task in tasks:
        pair = (values(arm, claim.metric, task) for arm in (claim.treatment, claim.control))
        for treatment, control in zip(*pair, strict=True):
            if treatment is None or control is None:
                return None
            rows.append(treatment - control)
    if seeds < 2 or len(tasks) < 2:
        return None
    differences = np.array(rows).reshape(len(tasks), seeds).T
    low, high = BOUNDS
    width = 2 * (high - low)
    rng = Seed(1).child(claim.name).rng()
    return hierarchical_bootstrap(
        differences, shared_problems=True, rng=rng, bounds=(-width, width)
    )


def verdict(claim: Claim, told: Interval) -> str:
    """Say what an interval says of a claim."""
    low, high = sorted((claim.sign * told.low, claim.sign * told.high))
    return "holds" if low > 0 else "fails" if high < 0 else "inconclusive"


def _sentence(claim: Claim) -> str:
    return f"{claim.statement} `{claim.treatment}` against `{claim.control}`, {claim.metric}."


def _table(title: str, metric: str, values: Any, tasks: Sequence[str], seeds: Sequence[int]) -> str:
    lines = [
        f"\n## {title}\n",
        "| task | " + " | ".join(ARMS) + " |",
        "|---" * (len(ARMS) + 1) + "|",
    ]
    every: dict[str, list[list[float]]] = {label: [] for label in ARMS}
    for task in tasks:
        cells = []
        for label in ARMS:
            found = [v for v in values(label, metric, task) if v is not None]
            if len(found) == len(seeds):
                every[label].append(found)
            span = f" ({min(found):.3f} to {max(found):.3f})" if len(set(found)) > 1 else ""
            cells.append(f"{np.mean(found):.3f}{span}" if found else "-")
        lines.append(f"| {task} | " + " | ".join(cells) + " |")
    means = []
    for label, rows in every.items():
        if len(rows) < len(tasks) or len(tasks) < 2 or len(seeds) < 2:
            means.append("-")
            continue
        rng = Seed(2).child(metric, label).rng()
        bounds = (2 * BOUNDS[0], 2 * BOUNDS[1])
        told = hierarchical_bootstrap(
            np.array(rows).T, shared_problems=True, rng=rng, bounds=bounds
        )
        means.append(f"**{told.mean:.3f}** [{told.low:.3f}, {told.high:.3f}]")
    return "\n".join([*lines, "| mean | " + " | ".join(means) + " |", ""])


_HEAD = """# Scaling laws: the arms of the search

Made by this command; do not edit:

    python -m bench.scaling_arms --data DIR --page docs/claims/scaling_laws.md

Arms and claims (hash `{hash}`) were fixed in
`bench/scaling_claims.py` before the run. {tasks} tables, {seeds} seeds, {budget} evaluations for
every arm that searches; {total} runs in all. The tables are the train rows of SLDBench
(lr_bsz_variant: of a variant); its test rows were not at hand. Of each table the largest scale was
taken away first, and R2 (floored at -1) is on these rows: they are harder or easier than SLDBench's
own, and no number here compares with a published one. Intervals are at 95%, over tables and seeds
(`ratchet.stats.hierarchical_bootstrap`, tables shared by seeds); with eight tables they are wide.
"""
