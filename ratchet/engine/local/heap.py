"""Giving freed memory back to the system.

The C library keeps what was freed between calls in case it is asked for again. Sampling and
training ask for very different pieces, so what is held grows from turn to turn.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


def release() -> None:
    """Give back what is free; does nothing where the C library has no such call."""
    trim = _find_trim()
    if trim is not None:
        trim(0)


@cache
def _find_trim() -> Callable[[int], int] | None:
    try:
        found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    except (OSError, TypeError):  # no C library can be opened by that name here
        return None
    return found
