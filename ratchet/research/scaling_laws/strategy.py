"""How laws are searched: parents are drawn by their hold-outs or by how shortly they describe all
rows. Hold-outs of few rows are noisy, and the best of many are lucky; the length is not."""

from __future__ import annotations

from dataclasses import replace

from ratchet.search.evolve import BEST_OF_N, EVOLVE, REFINE
from ratchet.search.sampling import by_least, either, mixed

EVOLVE_LAWS = replace(EVOLVE, sampler=either(mixed, by_least("length")), opening=40)
"""Islands, cells and visits by score; else by description length. A grammar first writes forty laws
from nothing, which costs it nothing."""
STRATEGIES = {s.name: s for s in (EVOLVE_LAWS, BEST_OF_N, REFINE)}
"""By name."""
