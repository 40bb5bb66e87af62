"""A found law as a document: form, constants by group, fitting routine, evidence; and its use."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from ratchet.core.codec import from_data, hash_data, to_data
from ratchet.core.errors import ConfigError
from ratchet.research.scaling_laws.expression import Array
from ratchet.research.scaling_laws.fit import Constants, fit
from ratchet.research.scaling_laws.form import Form, parse_form
from ratchet.research.scaling_laws.problem import predict_table
from ratchet.research.scaling_laws.render import algebra, latex, python
from ratchet.research.scaling_laws.table import Table, find_task, read_table

FILE = "LAW.json"


@dataclass(frozen=True)
class CellConstants:
    """Constants of one group and target."""

    group: str
    """Name of the group."""
    target: str
    """Column of the target."""
    linear: tuple[float, ...]
    """b0, b1, ...: one for each term."""
    nonlinear: tuple[float, ...]
    """a1, a2, ...: in order of appearance."""


@dataclass(frozen=True)
class Law:
    """A form with constants for every group. It predicts each row by itself."""

    task: str
    """Name of the task."""
    form: str
    """Canonical text of form and fitting routine."""
    constants: tuple[CellConstants, ...]
    """By group and target."""
    fitted_rows: int
    """Rows that the constants were fitted to."""
    evidence: Mapping[str, float] = field(default_factory=dict)
    """What was measured of the form before the constants were fitted to all rows."""

    @property
    def parsed(self) -> Form:
        """The form."""
        return parse_form(self.form)

    def predict(self, table: Table) -> Array:
        """Return predictions [n, T]. Raises ConfigError on a group that has no constants; where
        there is a single group, its name does not matter."""
        known = {(c.group, c.target): c for c in self.constants}
        groups = sorted({c.group for c in self.constants})
        if len(groups) == 1:
            table = replace(table, groups=(groups[0],) * len(table))
        unknown = sorted(set(table.groups) - {c.group for c in self.constants})
        if unknown:
            raise ConfigError(
                f"the law has no constants for group {', '.join(map(repr, unknown[:3]))}",
                f"give rows of these groups: {', '.join(groups[:8])}{' ...' * (len(groups) > 8)}",
            )
        cells = [known[group, table.task.targets[t]] for group, t in table.cells]
        constants = Constants(
            np.array([c.linear for c in cells]),
            np.array([c.nonlinear for c in cells]).reshape(len(cells), -1),
            np.zeros(len(cells)),
        )
        predicted = predict_table(self.parsed, constants, table, table)
        assert predicted is not None
        return predicted


def fit_law(form: Form, table: Table, evidence: Mapping[str, float]) -> Law:
    """Fit a form to all rows of a table."""
    found = fit(form, table.rows)
    cells = tuple(
        CellConstants(
            group,
            table.task.targets[t],
            tuple(map(float, found.linear[c])),
            tuple(map(float, found.nonlinear[c])),
        )
        for c, (group, t) in enumerate(table.cells)
    )
    return Law(table.task.name, form.text, cells, len(table), dict(evidence))


def describe_law(law: Law) -> dict[str, Any]:
    """Return a law as JSON data: what ``read_law`` needs, and the same for people."""
    form, task = law.parsed, find_task(law.task)
    by_group: dict[str, list[tuple[Sequence[float], Sequence[float]]]] = {}
    for cell in law.constants:
        by_group.setdefault(cell.group, []).append((cell.linear, cell.nonlinear))
    columns = {name: (v.column, v.unit) for name, v in task.variables.items()}
    own = [task.own[target] for target in task.targets] if task.own else []
    return {
        "law": to_data(law),
        "version": hash_data(to_data(law)),
        "algebra": algebra(form),
        "latex": latex(form),
        "python": python(form, by_group, columns, own),
        "variables": {name: f"{column} / {unit:g}" for name, (column, unit) in columns.items()},
        "fitter": to_data(form.fitter),
        "constants_per_group": form.count * len(task.targets),
        "cap": task.cap * len(task.targets),
    }


def write_law(path: Path, document: Mapping[str, Any]) -> None:
    """Write a law's document, whole or not at all."""
    draft = path.with_name(path.name + ".draft")
    draft.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(draft, path)


def read_law(path: Path) -> Law:
    """Read ``LAW.json``. Raises ConfigError."""
    hint = "give the LAW.json of a run: ratchet run scaling_laws --data DIR"
    try:
        law = from_data(Law, json.loads(path.read_text(encoding="utf-8"))["law"])
        form = law.parsed
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is not a law: {error}", hint) from error
    sizes = {(len(c.linear), len(c.nonlinear)) for c in law.constants}
    if sizes != {(len(form.terms), len(form.constants))}:
        raise ConfigError(f"{path}: the constants do not fit the form", hint)
    return law


def predict_file(law_path: Path, rows: Path, out: Path) -> Table:
    """Apply a law to a file of rows and write its predictions, in the same order."""
    law = read_law(law_path)
    task = find_task(law.task)
    table = read_table(rows, task, targets=False)
    predicted = law.predict(table)
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(task.targets)
    writer.writerows([[repr(float(v)) for v in line] for line in predicted])
    try:
        out.write_text(text.getvalue(), encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot write {out}: {error.strerror}", "choose another --out"
        ) from error
    return table
