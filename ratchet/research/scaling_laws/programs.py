"""Candidate programs in source text: SLDBench's two functions, run in the sandbox and nowhere else.

    fit_scaling_law(rows, targets) -> params        rows: lists of numbers, in the task's order
    scaling_law(rows, params) -> predictions        one for each row

Fitting and predicting are two runs, and the parameters pass through this process as plain numbers:
a program can hide nothing in between, and what it is charged with is what it uses.

Deviation from SLDBench: programs have the standard library only, no numpy or scipy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.core.errors import SandboxError
from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.expression import Array
from ratchet.research.scaling_laws.metrics import measure
from ratchet.research.scaling_laws.problem import Problem, weigh_folds
from ratchet.research.scaling_laws.sanity import AGREEMENT
from ratchet.research.scaling_laws.table import Table
from ratchet.sandbox.protocol import End, Limits, Outcome, Program, Sandbox, Value
from ratchet.search.cascade import Assessment

_SINGLE = 16
"""Rows of a cell that are also scored one by one."""
LIMITS = Limits(cpu_s=20.0, wall_s=60.0)
_NAMES = {
    End.TIMEOUT: "timeout",
    End.MEMORY: "memory",
    End.OUTPUT: "output",
    End.KILLED: "killed",
}
_REACHING = {
    "PermissionError",
    "FileNotFoundError",
    "OSError",
    "BlockingIOError",
    "ConnectionError",
}


class _Failed(Exception):
    def __init__(self, found: Assessment) -> None:
        super().__init__(found.failure)
        self.found = found


@dataclass(frozen=True)
class Programs:
    """Judges source text on a problem's inner hold-outs."""

    problem: Problem
    """Rows and folds."""
    sandbox: Sandbox
    """Where programs run."""
    limits: Limits = LIMITS
    """Of each of the two runs of a fold."""

    def assess(self, source: str) -> Assessment:
        """Score a program. Raises SandboxError if the sandbox itself fails, never for a program."""
        try:
            return self._assess(source)
        except _Failed as failed:
            return failed.found

    def _assess(self, source: str) -> Assessment:
        found, most = [], 0
        for number, (train, held, weight) in enumerate(self.problem.splits):
            params = self._fit(source, train)
            most = max(most, *(len(p) for p in params))
            predicted = self._predict(source, params, train, held, Seed(number))
            found.append((weight, measure(held.targets, predicted, held.groups).nmse))
        whole = weigh_folds(found)
        if whole.failure:
            return whole
        told = f"R2 {whole.measures['r2']:.4f} by inner hold-out"
        measures = {**whole.measures, "constants": float(most), "size": len(source) / 8}
        return Assessment(whole.score, "", told, measures, (most,))

    def _fit(self, source: str, train: Table) -> list[list[float]]:
        inputs: list[tuple[Value, ...]] = []
        for rows, targets in map(_cell(train), range(len(train.cells))):
            inputs.append((rows, [float(y) for y in targets]))
        outcome = self.sandbox.run(Program(source, "fit_scaling_law"), inputs, {}, self.limits)
        params = []
        for value in _values(outcome):
            numbers = value if isinstance(value, list) else [value]
            if not all(type(x) in (int, float) for x in numbers):
                raise _Failed(Assessment(failure="no_numbers", feedback="params are a flat list"))
            if len(numbers) > self.problem.table.task.cap:
                told = f"{len(numbers)} constants; the cap is {self.problem.table.task.cap}"
                raise _Failed(Assessment(failure="over_cap", feedback=told))
            params.append([float(x) for x in numbers if isinstance(x, int | float)])
        if not all(np.isfinite(p).all() for p in params):
            raise _Failed(Assessment(failure="not_finite", feedback="a constant is not finite"))
        return params

    def _predict(
        self, source: str, params: Sequence[list[float]], train: Table, held: Table, seed: Seed
    ) -> Array:
        """Predict each cell's rows at once, shuffled, and one by one; all three must agree."""
        places = {cell: at for at, cell in enumerate(train.cells)}
        inputs: list[tuple[Value, ...]] = []
        orders = []
        for at, cell in enumerate(held.cells):
            # Rows of the fit come along: in company, a law that looks at its batch is seen.
            rows: list[Value] = [*_cell(held)(at)[0], *_cell(train)(places[cell])[0]]
            order = seed.child(at).rng().permutation(len(rows))
            known: Value = [*params[places[cell]]]
            orders.append(order)
            shuffled: Value = [rows[i] for i in order]
            inputs += [(rows, known), (shuffled, known)]
            inputs += [([row], known) for row in rows[:_SINGLE]]
        outcome = self.sandbox.run(Program(source, "scaling_law"), inputs, {}, self.limits)
        values = iter(_values(outcome))
        out = np.full(held.places.shape, np.nan)
        for at, order in enumerate(orders):
            count = len(order)
            whole, mixed = (_numbers(next(values), count) for _ in range(2))
            alone = [_numbers(next(values), 1) for _ in range(min(count, _SINGLE))]
            apart = np.abs(whole[: len(alone)] - np.concatenate(alone)).max()
            near = AGREEMENT * max(1.0, float(np.abs(whole).max()))
            if apart > near or np.abs(whole[order] - mixed).max() > near:
                told = "a row's prediction depends on the rows it is scored with"
                raise _Failed(Assessment(failure="uses_batch", feedback=told))
            real = held.places[at] >= 0
            out[at, real] = whole[: int(real.sum())]
        return held.scatter(out)


def _cell(table: Table) -> Callable[[int], tuple[list[Value], Array]]:
    rows, names = table.rows, list(table.task.variables)

    def read(at: int) -> tuple[list[Value], Array]:
        real = table.places[at] >= 0
        columns = np.stack([rows.inputs[name][at][real] for name in names], axis=1)
        return [[float(x) for x in line] for line in columns], rows.target[at][real]

    return read


def _values(outcome: Outcome) -> list[Value]:
    """Return what came back, or raise why nothing did."""
    if outcome.end is End.REFUSED:
        raise SandboxError(f"the sandbox refused: {outcome.reason}", "ratchet doctor")
    for result in outcome.results:
        if result.end is End.ERROR and result.error in _REACHING:
            told = f"line {result.line}: {result.error}: {result.message}"
            raise _Failed(Assessment(failure="reaches_out", feedback=told[:500]))
        if result.end is End.ERROR:
            told = f"line {result.line}: {result.error}: {result.message}"
            raise _Failed(Assessment(failure="error", feedback=told[:500]))
    if outcome.end is not End.OK:
        name = _NAMES.get(outcome.end, "error")
        raise _Failed(Assessment(failure=name, feedback=outcome.reason[:500] or name))
    return [result.value for result in outcome.results]


def _numbers(value: Value, count: int) -> Array:
    """Return predictions; raises `_Failed` if they are not finite numbers, one a row."""
    if not isinstance(value, list) or len(value) != count:
        raise _Failed(Assessment(failure="no_numbers", feedback=f"expected {count} predictions"))
    if not all(type(x) in (int, float) for x in value):
        raise _Failed(Assessment(failure="no_numbers", feedback="a prediction is no number"))
    array = np.array(value, dtype=np.float64)
    if not np.isfinite(array).all():
        raise _Failed(Assessment(failure="not_finite", feedback="a prediction is not finite"))
    return array
