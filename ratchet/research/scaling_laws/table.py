"""Tables: reading a task's rows, and laying them out by group and target for the fit engine."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ratchet.core.errors import ConfigError
from ratchet.research.scaling_laws.expression import Array
from ratchet.research.scaling_laws.fit import Rows
from ratchet.research.scaling_laws.tasks import TASKS, Task

GROUP = "group"
"""Column of the group; a table without it is one group, ``all``."""


@dataclass(frozen=True)
class Table:
    """Rows of one task, in the order of the file."""

    task: Task
    """What it is about."""
    groups: tuple[str, ...]
    """Group of each row."""
    inputs: Mapping[str, Array]
    """Variables in their units, [n] each."""
    targets: Array
    """[n, T]; NaN where a file has no targets."""

    def __len__(self) -> int:
        return len(self.groups)

    def at(self, rows: Sequence[int] | npt.NDArray[np.intp]) -> Table:
        """Return some of the rows."""
        index = np.asarray(rows, dtype=np.intp)
        inputs = {name: x[index] for name, x in self.inputs.items()}
        return Table(self.task, tuple(self.groups[i] for i in index), inputs, self.targets[index])

    @cached_property
    def cells(self) -> tuple[tuple[str, int], ...]:
        """What is fitted separately: each group with each target, in order of appearance."""
        names = dict.fromkeys(self.groups)
        return tuple((group, t) for group in names for t in range(self.targets.shape[1]))

    @cached_property
    def places(self) -> npt.NDArray[np.intp]:
        """[cells, N]: the row that stands in each place of the layout, -1 for padding."""
        found: dict[str, list[int]] = {}
        for i, group in enumerate(self.groups):
            found.setdefault(group, []).append(i)
        most = max(map(len, found.values()))
        index = np.full((len(self.cells), most), -1)
        for c, (group, _) in enumerate(self.cells):
            index[c, : len(found[group])] = found[group]
        return index

    @cached_property
    def rows(self) -> Rows:
        """The layout for the fit engine."""
        places, task = self.places, self.task
        real = places >= 0
        safe = np.where(real, places, places[:, :1])
        inputs = {name: x[safe] for name, x in self.inputs.items()}
        if task.own:
            names = [task.own[task.targets[t]] for _, t in self.cells]
            inputs["own"] = np.stack([inputs[v][c] for c, v in enumerate(names)])
        columns = np.array([t for _, t in self.cells])
        target = self.targets[safe, columns[:, None]]
        return Rows(inputs, target, real.astype(np.float64), self._position(inputs, real))

    def _position(self, inputs: Mapping[str, Array], real: npt.NDArray[np.bool_]) -> Array:
        shape = real.shape
        if not self.task.beyond:
            return np.ones(shape)
        positions = []
        for name in self.task.beyond:
            x = inputs[name]
            x = x if self.task.variables[name].kind == "level" else np.log(np.maximum(x, 1e-12))
            low = np.where(real, x, np.inf).min(axis=1, keepdims=True)
            high = np.where(real, x, -np.inf).max(axis=1, keepdims=True)
            positions.append((x - low) / np.maximum(high - low, 1e-12))
        join = np.minimum if self.task.split == "all" else np.maximum
        return np.clip(np.asarray(join.reduce(positions), dtype=np.float64), 0.0, 1.0)

    def scatter(self, values: Array) -> Array:
        """Return values in the layout [cells, N] as an array like ``targets``."""
        out = np.full(self.targets.shape, np.nan)
        for c, (_, t) in enumerate(self.cells):
            real = self.places[c] >= 0
            out[self.places[c][real], t] = values[c][real]
        return out


def find_task(name: str) -> Task:
    """Return a task by name. Raises ConfigError."""
    if name not in TASKS:
        raise ConfigError(f"there is no task {name!r}", f"choose one of: {', '.join(TASKS)}")
    return TASKS[name]


def find_tables(folder: Path) -> dict[str, Path]:
    """Return the tables of known tasks in a folder, ``TASK.csv`` or ``train/TASK.csv``.

    Raises ConfigError if there is none.
    """
    found: dict[str, Path] = {}
    for name in TASKS:
        for path in (folder / "train" / f"{name}.csv", folder / f"{name}.csv"):
            if path.is_file():
                found.setdefault(name, path)
    if not found:
        raise ConfigError(
            f"{folder} holds no table of a known task",
            f"put TASK.csv or train/TASK.csv there; tasks: {', '.join(TASKS)}",
        )
    return found


def read_table(path: Path, task: Task, targets: bool = True) -> Table:
    """Read a table; columns are found by name. Raises ConfigError on what cannot be read.

    Without ``targets``, the file need not have those columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            header, lines = list(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"cannot read {path}: {error}", "check the path") from error
    wanted = [v.column for v in task.variables.values()] + list(task.targets if targets else ())
    missing = [column for column in wanted if column not in header]
    if missing or not lines:
        problem = f"has no column {', '.join(missing)}" if missing else "has no rows"
        raise ConfigError(f"{path} {problem}", f"task {task.name} needs: {', '.join(wanted)}")
    groups = tuple(line.get(GROUP) or "all" for line in lines)
    inputs = {
        name: np.array([_number(path, i, line, v.column) for i, line in enumerate(lines)]) / v.unit
        for name, v in task.variables.items()
    }
    kept = [
        [_number(path, i, line, t) if targets else math.nan for t in task.targets]
        for i, line in enumerate(lines)
    ]
    return Table(task, groups, inputs, np.array(kept))


def _number(path: Path, row: int, line: Mapping[str, str | None], column: str) -> float:
    try:
        value = float(line[column] or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(
            f"{path}: row {row + 1} has {line[column]!r} under {column}", f"correct {path}"
        )
    return value
