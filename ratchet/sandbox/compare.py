"""Comparing a value that came back with the value that was expected, by type and content.

Both are data by now: no method of a candidate's object is ever called. Nothing here reads or
writes text; ``judge`` says what to compare.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ratchet.sandbox.protocol import Value


@dataclass(frozen=True)
class Tolerance:
    """How far a number may lie from the expected one; declared with the tests, never guessed."""

    relative: float = 1e-9
    """Largest difference as a share of the larger magnitude."""
    absolute: float = 1e-12
    """Largest difference near zero."""


def equal(
    expected: Value, got: Value, tolerance: Tolerance | None = None, *, nan: bool = False
) -> bool:
    """Return whether two plain values are the same value of the same type, at any depth.

    ``True`` is not ``1``. Without a tolerance ``1`` is not ``1.0``; with one, an int and a float
    may be compared, each as a number. NaN equals nothing (unless ``nan``, which asks whether a
    program repeats itself), an infinity only itself; the order of a dict's keys does not count.
    Whatever is not a plain value equals nothing. Total: any depth, any size.
    """
    pairs: list[tuple[Value, Value]] = [(expected, got)]
    while pairs:
        a, b = pairs.pop()
        if type(a) is list and type(b) is list:
            if len(a) != len(b):
                return False
            pairs.extend(zip(a, b, strict=True))
        elif type(a) is dict and type(b) is dict:
            if a.keys() != b.keys() or any(type(key) is not str for key in (*a, *b)):
                return False
            pairs.extend((value, b[key]) for key, value in a.items())
        elif nan and type(a) is float and type(b) is float and a != a and b != b:
            continue
        elif not _equal_plain(a, b, tolerance):
            return False
    return True


def _equal_plain(a: Value, b: Value, tolerance: Tolerance | None) -> bool:
    kinds = (type(a), type(b))
    numbers = {int, float}
    if tolerance is not None and float in kinds and numbers.issuperset(kinds):
        return _close(a, b, tolerance)
    if kinds[0] is not kinds[1] or kinds[0] not in (type(None), bool, int, float, str):
        return False
    return a == b


def _close(a: Value, b: Value, tolerance: Tolerance) -> bool:
    assert isinstance(a, int | float) and isinstance(b, int | float)
    try:
        return math.isclose(a, b, rel_tol=tolerance.relative, abs_tol=tolerance.absolute)
    except OverflowError:
        return False
