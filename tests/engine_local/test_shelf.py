"""Segments in place: those that stay keep what they hold, wherever they come to lie."""

from __future__ import annotations

import torch
from torch import Tensor

from ratchet.engine.local.shelf import Shelf, empty_shelf

LAYERS, GROUPS, WIDTH = 2, 3, 4


def segments(lengths: list[int], first: int) -> list[Tensor]:
    """Return parts by layer; every token of segment i holds first + i."""
    numbers = torch.arange(first, first + len(lengths), dtype=torch.float32)
    shape = 2, len(lengths), GROUPS, max(lengths), WIDTH
    return [numbers[None, :, None, None, None].expand(shape) + 100 * n for n in range(LAYERS)]


def held(shelf: Shelf) -> list[list[float]]:
    """Return for each segment what its tokens hold, one number a token."""
    assert len(shelf.layers) == LAYERS
    found = []
    for number, length in enumerate(shelf.lengths):
        rows = [shelf.part(layer, length)[:, number] - 100 * layer for layer in range(LAYERS)]
        assert all(torch.equal(rows[0], row) for row in rows)
        assert all(torch.equal(rows[0][:1, :1, :, :1].expand_as(row), row) for row in rows)
        found.append(rows[0][0, 0, :, 0].tolist())
    return found


def start() -> Shelf:
    shelf = empty_shelf(torch.zeros(LAYERS, 2, GROUPS, 1, WIDTH))
    shelf.add(segments([2, 1, 3, 2, 1], 0), [2, 1, 3, 2, 1])
    return shelf


def test_last_segments_fill_gaps() -> None:
    shelf = start()
    before = [layer.data_ptr() for layer in shelf.layers]
    assert shelf.keep([1, 2, 4]) == [4, 1, 2]
    assert held(shelf) == [[4.0], [1.0], [2.0] * 3]
    shelf.add(segments([2, 2], 7), [2, 2])
    assert held(shelf) == [[4.0], [1.0], [2.0] * 3, [7.0] * 2, [8.0] * 2]
    assert [layer.data_ptr() for layer in shelf.layers] == before  # nothing was laid out anew


def test_growing_keeps_what_is_there() -> None:
    shelf = start()
    before = held(shelf)
    shelf.widen(9)
    assert shelf.room == 9 and held(shelf) == before
    shelf.add(segments([12], 5), [12], room=20)
    assert shelf.room == 20 and held(shelf) == [*before, [5.0] * 12]


def test_what_lies_beyond_a_segment_is_finite() -> None:
    shelf = start()
    for layer in shelf.layers:
        layer.fill_(float("nan"))
    shelf.keep([])
    shelf.add(segments([1, 3], 0), [1, 3])
    shelf.widen(6)
    assert all(shelf.part(layer, 6).isfinite().all() for layer in range(LAYERS))


def test_bytes_of_a_token() -> None:
    assert start().bytes_per_token == LAYERS * 2 * GROUPS * WIDTH * 4
