"""What is published of a search: the law, its evidence, the Pareto front, and plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ratchet.core.records import Evaluation
from ratchet.loop.folder import RunFolder
from ratchet.research.scaling_laws.form import parse_form
from ratchet.research.scaling_laws.human import HUMAN
from ratchet.research.scaling_laws.law import FILE, Law, describe_law, write_law
from ratchet.research.scaling_laws.problem import Problem, extrapolate
from ratchet.research.scaling_laws.render import algebra
from ratchet.research.scaling_laws.table import Table


@dataclass(frozen=True)
class Evidence:
    """What the search measured of the law that it ended with."""

    problem: Problem
    """Rows and folds of the search."""
    law: Law
    """The law, fitted to the search's rows."""
    tried: Sequence[Evaluation]
    """All that was evaluated."""

    @cached_property
    def numbers(self) -> Mapping[str, float]:
        """Metrics by inner hold-out, and the human law's beside them."""
        found: dict[str, float] = {}
        human = HUMAN[self.problem.table.task.name]
        total = dict.fromkeys(("r2", "nmse", "nmae", "group_r2", "human_r2"), 0.0)
        for number, (train, held, weight) in enumerate(self.problem.splits):
            m = extrapolate(self.law.parsed, train, held)
            theirs = extrapolate(human, train, held)
            found[f"fold_{number}_r2"] = m.r2
            for name, value in (
                ("r2", m.r2),
                ("nmse", m.nmse),
                ("nmae", m.nmae),
                ("group_r2", m.group_r2),
                ("human_r2", theirs.r2),
            ):
                total[name] += weight * value
        finite = {name: value for name, value in total.items() if value == value}
        return {**found, **finite, "evaluations": float(len(self.tried))}


def read_tried(folder: Path) -> list[Evaluation]:
    """Return what every generation of a run evaluated, in order: the archive of the state that is
    deployed in the end may lack what came after it."""
    run, found, number = RunFolder(folder), list[Evaluation](), 1
    while run.records_path(number).is_file():
        found += [r for r in run.read_records(number) if isinstance(r, Evaluation)]
        number += 1
    return found


def pareto(tried: Sequence[Evaluation]) -> list[Evaluation]:
    """Return the laws that no other beats in both error and complexity, simplest first."""
    front: list[Evaluation] = []
    alive = [e for e in tried if e.score > 0]
    for found in sorted(alive, key=lambda e: (e.measures["size"], e.measures["nmse"])):
        if not front or found.measures["nmse"] < front[-1].measures["nmse"]:
            front.append(found)
    return front


def publish(folder: Path, law: Law, evidence: Evidence, table: Table) -> None:
    """Write ``LAW.json`` into a folder, and the plots beside it."""
    from ratchet.research.scaling_laws.plots import draw_front, draw_law

    front = pareto(evidence.tried)
    document: dict[str, Any] = {
        **describe_law(law),
        "pareto": [
            {"program": e.program, "algebra": algebra(parse_form(e.program)), **e.measures}
            for e in front
        ],
    }
    draw_law(folder / "law.png", law, evidence, table)
    draw_front(folder / "pareto.png", front)
    write_law(folder / FILE, document)
