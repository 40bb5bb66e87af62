"""Which families of reasoning-gym are offered, at which levels, and why not the others.

A family is offered if its answers are one line; if its questions are functions of a seed alone
(those of ``isomorphic_strings`` also follow Python's hash seed); if what decides on an answer
neither runs nor parses it as code, as ``eval``, SymPy's or JSON's parser would; and if every answer
that the package holds for true is what the question asks for. The last was seen by deriving all of
them anew (``python -m bench.gym_truth``), and is why others are missing: see docs/reasoning_gym.md.
"""

from __future__ import annotations

VERSION = "0.1.25"
"""Of reasoning-gym (Stojanovski et al., arXiv 2505.24760): another one may write other tasks."""

LEVELS_OF: dict[str, tuple[int, ...]] = {
    "spell_backward": (1, 2, 3, 4),
    "letter_counting": (1, 2, 3, 4, 5),
    "chain_sum": (1, 2, 3, 4, 5),
    "leg_counting": (1, 2, 3, 4, 5),
    "basic_arithmetic": (1, 2),
    "products": (1, 2, 3, 4, 5),
    "gcd": (1, 2, 3),
    "lcm": (1, 2, 3, 4),
    "simple_equations": (1, 2, 3, 4),
    "count_bits": (1, 2, 3, 4),
    "base_conversion": (1, 2, 3, 4),
    "word_sorting": (1, 2, 3, 4),
    "largest_island": (1, 2),
    "course_schedule": (1, 2),
    "count_primes": (1, 2, 3, 4),
}
"""The levels of each: those of its published curriculum, the first five at most, as long as they
differ. Further ones are left out where answers are wrong (``basic_arithmetic``), nearly all are 1
(``gcd``), or questions are thousands of characters long (the grids and schedules)."""
FAMILIES = tuple(LEVELS_OF)
LEVELS = (1, 2, 3, 4, 5)
