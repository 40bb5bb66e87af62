"""Choosing parents, each way a function of archive and generator alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ratchet.search.archive import Archive, Entry

Sampler = Callable[[Archive, np.random.Generator, int], Entry]
"""Choose one parent of an island; the archive holds at least one entry that was scored."""


def _pool(archive: Archive, island: int) -> list[Entry]:
    """Return the island's entries, or all if it has none yet."""
    return archive.alive(island) or archive.alive()


def greedy(archive: Archive, rng: np.random.Generator, island: int = 0) -> Entry:
    """Return the best."""
    return _pool(archive, island)[0]


def by_rank(archive: Archive, rng: np.random.Generator, island: int = 0) -> Entry:
    """Draw by a power law of the rank, p ~ rank^-1 (ShinkaEvolve, arXiv 2509.19349)."""
    pool = _pool(archive, island)
    return _draw(pool, 1.0 / np.arange(1, len(pool) + 1), rng)


def by_least(measure: str) -> Sampler:
    """Return the way that draws by a power law of the rank in a measure, the least first: a second
    objective beside the score."""

    def draw(archive: Archive, rng: np.random.Generator, island: int = 0) -> Entry:
        pool = sorted(_pool(archive, island), key=lambda e: e.measures[measure])
        return _draw(pool, 1.0 / np.arange(1, len(pool) + 1), rng)

    return draw


def by_visits(archive: Archive, rng: np.random.Generator, island: int = 0) -> Entry:
    """Draw by score, less what an entry was visited: exp((sigmoid(r - r0) - ln(1 + v)/2) / 0.5).

    ALMA (arXiv 2602.07755); r0 is the score of the oldest entry, in units of a tenth, since scores
    here lie close together.
    """
    pool = _pool(archive, island)
    first = next(iter(archive)).score
    worth = np.array([1 / (1 + np.exp(-10 * (e.score - first))) for e in pool])
    visits = np.array([archive.children(e) for e in pool])
    return _draw(pool, np.exp((worth - 0.5 * np.log1p(visits)) / 0.5), rng)


def by_cell(archive: Archive, rng: np.random.Generator, island: int = 0) -> Entry:
    """Draw a cell evenly and return its best (MAP-Elites, Mouret and Clune 2015)."""
    elites = archive.elites(island) or archive.elites()
    return elites[int(rng.integers(len(elites)))]


def mixed(archive: Archive, rng: np.random.Generator, island: int = 0) -> Entry:
    """Explore 0.2, exploit 0.5, else by visits: the mixture of OpenEvolve with visits counted."""
    at = rng.random()
    how: Sampler = by_cell if at < 0.2 else by_rank if at < 0.7 else by_visits
    return how(archive, rng, island)


def either(first: Sampler, second: Sampler) -> Sampler:
    """Return the way that goes the one or the other way, evenly."""

    def draw(archive: Archive, rng: np.random.Generator, island: int = 0) -> Entry:
        return (first if rng.random() < 0.5 else second)(archive, rng, island)

    return draw


def _draw(pool: Sequence[Entry], weights: np.ndarray, rng: np.random.Generator) -> Entry:
    return pool[int(rng.choice(len(pool), p=weights / weights.sum()))]
