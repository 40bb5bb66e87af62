"""How long the repetition penalty takes: against its plain definition, and by itself at full size.

``python -m bench.repetition``: made-up expressions of two to four numbers, one thread.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from bench.sides.plain_repetition import plain_repetition
from ratchet.core.seeds import Seed
from ratchet.curriculum.repetition import repetition

SMALL, FULL = 400, 8000


def write_expressions(n: int, rng: np.random.Generator) -> list[str]:
    """Return expressions with spaces between numbers and operators."""
    texts = []
    for size in rng.integers(2, 5, n):
        numbers = [str(number) for number in rng.integers(1, 100, size)]
        operators = rng.choice(list("+-*"), size - 1)
        pairs = zip(operators, numbers[1:], strict=True)
        texts.append(" ".join([numbers[0], *(word for pair in pairs for word in pair)]))
    return texts


def main() -> int:
    """Measure and print."""
    rng = Seed(1).child("bench", "repetition").rng()
    small, full = write_expressions(SMALL, rng), write_expressions(FULL, rng)
    began = time.perf_counter()
    plain = plain_repetition(small)
    middle = time.perf_counter()
    fast = repetition(small)
    after = time.perf_counter()
    repetition(full)
    ended = time.perf_counter()
    ratio = (middle - began) / (after - middle)
    print(f"{SMALL} texts: equal {plain == fast}, {ratio:.0f} times as fast as pair by pair")
    print(f"{FULL} texts: {ended - after:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
