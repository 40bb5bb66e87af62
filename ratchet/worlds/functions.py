"""A world of numbers for programs: a hidden law y = f(x) on a grid of inputs."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from ratchet.core.codec import hash_text
from ratchet.core.task import Rejection, Task, Verdict
from ratchet.worlds.apportion import check_weights, draw_by_weight
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.protocol import Stream

REASONS = ("no_input", "off_grid", "reserved")
"""Why a text is not an open task: not ``x = <number>``, not a grid point, kept for anchors."""

FAMILIES = ("near", "far")
LEVELS = (1,)
STEPS_PER_UNIT = 100
FIRST, LAST = -2400, 2399
"""The grid: x from -24.00 to 23.99 in steps of 0.01; 4800 rows, of which 960 are reserved."""
NEAR = 800
"""Family ``near`` is -8 <= x < 8; the rest is ``far``."""
TOLERANCE = 0.01
"""An answer passes if its error is less than this share of the scale."""

_INPUT = re.compile(r"\s*x\s*=\s*([-−]?[0-9]{1,6}(?:\.[0-9]{1,6})?)\s*")
_NUMBER = re.compile(r"(?<![\w.])[-+−]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?!\w)")
_TAIL = 10_000


def default_law(x: float) -> float:
    """Return ``0.5 x^2 - 2 x + 3``."""
    return 0.5 * x * x - 2.0 * x + 3.0


class Functions:
    """Predict y from x. The prompt is ``x = 1.25``; an answer is its last number.

    Score: ``1 / (1 + |error| / scale)`` in [0, 1], where scale is the standard deviation of y on
    the grid. So a constant guess of the mean scores about a half, an exact answer 1.
    """

    name: str = "functions"
    families: tuple[str, ...] = FAMILIES

    def __init__(self, law: Callable[[float], float] = default_law) -> None:
        """Take the law; it must give a finite number at every grid point."""
        self._law = law
        values = [law(_x(row)) for row in range(FIRST, LAST + 1)]
        if not all(map(math.isfinite, values)):
            raise ValueError("the law must be finite on the whole grid")
        self.scale = float(np.std(values)) or 1.0

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        """Draw ``n`` distinct open tasks; raises ValueError on an unknown level or family."""
        if level is not None:
            check_weights({level: 1.0}, LEVELS, "level")
        if family is not None:
            check_weights({family: 1.0}, FAMILIES, "family")
        rows = [r for r in _rows(None) if family in (None, _family(r))]
        return [_task(row) for row in _shuffled(rng, rows)[:n]]

    def check(self, task: Task, answer: str) -> Verdict:
        """Score the last number of an answer by its error. Total.

        A task that this world cannot read fails with ``error`` in the evidence.
        """
        row = _read_row(task.prompt) if task.world == self.name else None
        if not isinstance(row, int):
            return Verdict(
                0.0, False, False, "exact", "the task cannot be read", {"error": "unreadable_task"}
            )
        value = _read_number(answer)
        if value is None:
            return Verdict(0.0, False, False, "exact", "expected a number")
        share = abs(value - self._law(_x(row))) / self.scale
        passed = share < TOLERANCE
        feedback = "correct" if passed else "not correct"
        return Verdict(1.0 / (1.0 + share), passed, True, "exact", feedback)

    def parse(self, text: str) -> Task | Rejection:
        """Read ``x = <grid point>``; reasons are those of ``REASONS``. Total."""
        row = _read_row(text)
        if not isinstance(row, int):
            return Rejection(row, text[:200])
        if _stream(row) is not None:
            return Rejection("reserved", text[:200])
        return _task(row, ("model",))

    def anchors(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream,
        families: Mapping[str, float],
        levels: Mapping[int, float],
    ) -> Sequence[Task]:
        """Draw ``n`` distinct reserved tasks of one stream by family weight.

        Raises ValueError on an unknown family or level, or if all weights are 0.
        """
        check_weights(families, FAMILIES, "family")
        check_weights(levels, LEVELS, "level")
        rows = _shuffled(rng, _rows(stream))
        supplies = {f: [row for row in rows if _family(row) == f] for f in FAMILIES}

        def take(family: str, count: int) -> list[int]:
            taken, supplies[family] = supplies[family][:count], supplies[family][count:]
            return taken

        ordered = {f: families[f] for f in FAMILIES if f in families}
        return [_task(row) for row in _shuffled(rng, draw_by_weight(n, ordered, take))]

    def rows(self, rng: np.random.Generator, n: int) -> list[tuple[float, float]]:
        """Draw ``n`` distinct open rows (x, y) to fit a program to, or as many as there are."""
        return [(_x(row), self._law(_x(row))) for row in _shuffled(rng, _rows(None))[:n]]


def _x(row: int) -> float:
    return row / STEPS_PER_UNIT


def _canonical(row: int) -> str:
    return f"x = {_x(row):.2f}"


def _family(row: int) -> str:
    return "near" if -NEAR <= row < NEAR else "far"


def _stream(row: int) -> Stream | None:
    return reserved_stream(Functions.name, _canonical(row))


@cache
def _rows(stream: Stream | None) -> tuple[int, ...]:
    return tuple(row for row in range(FIRST, LAST + 1) if _stream(row) == stream)


def _shuffled(rng: np.random.Generator, rows: Sequence[int]) -> list[int]:
    return [rows[at] for at in rng.permutation(len(rows))]


def _task(row: int, lineage: tuple[str, ...] = ()) -> Task:
    form = _canonical(row)
    task_id = hash_text(f"{Functions.name}\x1f{form}")
    return Task(task_id, Functions.name, form, _family(row), LEVELS[0], lineage)


def _read_row(text: str) -> int | str:
    """Return the grid row that a text names, or why it names none. Total."""
    match = _INPUT.fullmatch(text)
    if match is None:
        return "no_input"
    exact = float(match[1].replace("−", "-")) * STEPS_PER_UNIT
    row = round(exact)
    return row if FIRST <= row <= LAST and abs(exact - row) < 1e-6 else "off_grid"


def _read_number(text: str) -> float | None:
    found = deque(_NUMBER.finditer(text[-_TAIL:]), maxlen=1)
    if not found:
        return None
    value = float(found.pop()[0].replace("−", "-"))
    return value if math.isfinite(value) else None
