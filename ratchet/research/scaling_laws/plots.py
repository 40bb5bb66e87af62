"""Pictures of a law: fit and extrapolation per group, and the front of error against complexity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ratchet.core.records import Evaluation
from ratchet.research.scaling_laws.fit import fit
from ratchet.research.scaling_laws.law import Law
from ratchet.research.scaling_laws.problem import predict_table
from ratchet.research.scaling_laws.table import Table

if TYPE_CHECKING:
    from ratchet.research.scaling_laws.document import Evidence

MOST = 12
"""Groups that are drawn, the first of the table."""


def draw_law(path: Path, law: Law, evidence: Evidence, table: Table) -> None:
    """Draw measured against predicted, by group: rows fitted, and rows held out of the fit."""
    from matplotlib.figure import Figure

    form = law.parsed
    train, held, _ = evidence.problem.splits[0]
    constants = fit(form, train.rows)
    parts = [
        (part, predict_table(form, constants, train, part), colour, label)
        for part, colour, label in ((train, "#4477aa", "fitted"), (held, "#cc3311", "held out"))
    ]
    names = list(dict.fromkeys(table.groups))[:MOST]
    columns = min(4, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.8 * lines), layout="constrained")
    axes = np.atleast_1d(figure.subplots(lines, columns, squeeze=False)).ravel()
    for axis, name in zip(axes, names, strict=False):
        for part, predicted, colour, label in parts:
            chosen = np.array(part.groups) == name
            if predicted is not None and chosen.any():
                axis.plot(
                    part.targets[chosen].ravel(),
                    predicted[chosen].ravel(),
                    ".",
                    color=colour,
                    label=label,
                    markersize=4,
                )
        low, high = axis.get_xlim()
        axis.plot([low, high], [low, high], color="#999999", linewidth=0.8)
        axis.set_title(name, fontsize=8)
        axis.set_xlabel("measured", fontsize=7)
        axis.set_ylabel("predicted", fontsize=7)
        axis.tick_params(labelsize=6)
    axes[0].legend(fontsize=6)
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    figure.savefig(path, dpi=110)


def draw_front(path: Path, front: Sequence[Evaluation]) -> None:
    """Draw the error by inner hold-out against the complexity."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.5), layout="constrained")
    axis = figure.subplots()
    sizes = [e.measures["size"] for e in front]
    axis.step(sizes, [e.measures["nmse"] for e in front], where="post", marker="o", color="#4477aa")
    axis.set_yscale("log")
    axis.set_xlabel("nodes")
    axis.set_ylabel("NMSE by inner hold-out")
    figure.savefig(path, dpi=110)
