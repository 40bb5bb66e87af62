"""Token sequences packed into a prefix tree, so that what several share is computed once.

A tree has three levels: a header that all sequences start with, stems that groups of them share,
and leaves, one a sequence. The packed tokens go through the model as one row without padding; only
attention looks at the levels. The result equals that of separate sequences up to rounding, and
gradients flow through shared tokens (PrefixGrouper, arXiv 2506.05433, has the one-level case).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Tokens = Sequence[int]


@dataclass(frozen=True)
class Level:
    """The segments of one level, padded on the right to a common width where attention needs it."""

    start: int
    """Packed index of the level's first token."""
    lengths: tuple[int, ...]
    """Tokens of each segment; 0 is allowed."""

    @property
    def size(self) -> int:
        """Tokens of all segments."""
        return sum(self.lengths)

    @property
    def width(self) -> int:
        """Tokens of the longest segment."""
        return max(self.lengths, default=0)


@dataclass(frozen=True)
class Tree:
    """Packed sequences."""

    tokens: tuple[int, ...]
    """Header, then stems, then leaves."""
    positions: tuple[int, ...]
    """Position of each packed token in its sequences."""
    where: tuple[tuple[int, ...], ...]
    """For each sequence, in the order given, the packed index of each of its tokens."""
    levels: tuple[Level, Level, Level]
    """Header (one segment), stems, leaves (one a sequence, in the order given)."""
    parents: tuple[int, ...]
    """For each leaf its stem."""


def pack(sequences: Sequence[Tokens], header: int | None = None, share: bool = True) -> Tree:
    """Pack sequences, none of them empty. What they share is found by itself.

    ``header`` fixes the header's length, which all sequences must share and exceed. Without
    ``share`` every sequence stands alone.
    """
    if header is None:
        header = shared(min(sequences, key=tuple), max(sequences, key=tuple)) if share else 0
    if not share:
        groups = [([i], 0) for i in range(len(sequences))]
        return _lay(sequences, header, groups)
    return _lay(sequences, header, _groups([tuple(s[header:]) for s in sequences]))


def _lay(sequences: Sequence[Tokens], header: int, groups: Sequence[tuple[list[int], int]]) -> Tree:
    """Lay out header, stems and leaves, given the rows of each group and its stem's length."""
    tokens = list(sequences[0][:header])
    positions = list(range(header))
    base = tuple(range(header))
    stems: list[tuple[int, ...]] = []
    parents = [0] * len(sequences)
    for group, stem in groups:
        stems.append(tuple(range(len(tokens), len(tokens) + stem)))
        tokens += sequences[group[0]][header : header + stem]
        positions += range(header, header + stem)
        for row in group:
            parents[row] = len(stems) - 1
    first_leaf, where, leaves = len(tokens), [], []
    for row, sequence in enumerate(sequences):
        stem_tokens = stems[parents[row]]
        start = header + len(stem_tokens)
        own = range(len(tokens), len(tokens) + len(sequence) - start)
        tokens += sequence[start:]
        positions += range(start, len(sequence))
        where.append((*base, *stem_tokens, *own))
        leaves.append(len(own))
    levels = (
        Level(0, (header,)),
        Level(header, tuple(len(stem) for stem in stems)),
        Level(first_leaf, tuple(leaves)),
    )
    return Tree(tuple(tokens), tuple(positions), tuple(where), levels, tuple(parents))


def shared(left: Tokens, right: Tokens) -> int:
    """Return how many tokens two sequences start with in common."""
    same = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        same += 1
    return same


def _groups(sequences: Sequence[tuple[int, ...]]) -> list[tuple[list[int], int]]:
    """Return groups of sequences with the length of the stem each shares.

    Of all ways to cut the sorted sequences into groups, the one that saves most tokens.
    """
    order = sorted(range(len(sequences)), key=lambda i: sequences[i])
    gaps = [shared(sequences[a], sequences[b]) for a, b in pairwise(order)]
    most, cut = [0], [(0, 0)]
    for end in range(1, len(order) + 1):
        saved, start, stem = most[end - 1], end - 1, 0
        least = gaps[end - 2] if end > 1 else 0
        for first in range(end - 2, -1, -1):
            least = min(least, gaps[first])
            if least == 0:
                break
            found = most[first] + (end - first - 1) * least
            if found > saved:
                saved, start, stem = found, first, least
        most.append(saved)
        cut.append((start, stem))
    groups: list[tuple[list[int], int]] = []
    end = len(order)
    while end:
        start, stem = cut[end]
        groups.append((order[start:end], stem))
        end = start
    return groups[::-1]
