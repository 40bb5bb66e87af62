"""Packing sequences into a tree loses nothing and stores what is shared once."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.engine.local.attention import TreeAttention
from ratchet.engine.local.tree import pack, shared

ROWS = st.lists(
    st.lists(st.integers(0, 2), min_size=1, max_size=9).map(tuple), min_size=1, max_size=8
)

CPU = torch.device("cpu")


@settings(derandomize=True, max_examples=100)
@given(rows=ROWS)
def test_every_sequence_can_be_read_back(rows: list[tuple[int, ...]]) -> None:
    tree = pack(rows)
    for row, where in zip(rows, tree.where, strict=True):
        assert tuple(tree.tokens[i] for i in where) == row
        assert tuple(tree.positions[i] for i in where) == tuple(range(len(row)))
    assert sorted({i for where in tree.where for i in where}) == list(range(len(tree.tokens)))


@settings(derandomize=True, max_examples=100)
@given(rows=ROWS)
def test_a_token_has_one_past(rows: list[tuple[int, ...]]) -> None:
    tree = pack(rows)
    pasts: dict[int, tuple[int, ...]] = {}
    for where in tree.where:
        for at, index in enumerate(where):
            assert pasts.setdefault(index, where[:at]) == where[:at]


def test_header_and_stems_are_stored_once() -> None:
    header, prompts = (9,) * 60, [(1, 2, 3, 4), (5, 6, 7)]
    rows = [header + p + (i, i, i) for p in prompts for i in range(10, 18)]
    tree = pack(rows)
    assert [level.size for level in tree.levels] == [60, 7, 16 * 3]
    assert len(set(tree.parents)) == 2


def test_shared_counts_common_start() -> None:
    assert shared((1, 2, 3), (1, 2, 4, 5)) == 2
    assert shared((), (1,)) == 0
    assert shared((1, 2), (1, 2, 3)) == 2


def test_groups_of_different_stems_are_each_joined() -> None:
    long, short = (1, 2, 3, 4, 5, 6, 7, 8), (9, 8)
    rows = [(*long, i, i) for i in range(10, 14)] + [(*short, i) for i in range(10, 15)]
    tree = pack(rows)
    assert sorted(tree.levels[1].lengths) == [2, 8]
    assert len(tree.tokens) == 8 + 4 * 2 + 2 + 5


def test_one_large_group_beside_small_ones_is_no_cascade() -> None:
    """Every group would be filled up to the largest."""
    large = [(1, 2, 2, 2, 2, i, *range(20)) for i in range(100)]
    small = [(1, i, i, j) for i in range(100, 400) for j in (5, 6)]
    assert all(TreeAttention(pack(rows), CPU)._cascade is not None for rows in (large, small))
    both = TreeAttention(pack(large + small), CPU)
    assert both._cascade is None
