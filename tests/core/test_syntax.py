"""Python source is read as a tree from any thread."""

from __future__ import annotations

import ast
import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ratchet.core.syntax import parse

SOURCE = "def f(x):\n    assert x([1, 2, 3]) == (((((1 + 2) * 3) + 4) * 5) + 6)\n" * 20


@pytest.fixture
def switching() -> Iterator[None]:
    """Collections let another thread in, so that trees are built at once."""
    before = gc.get_threshold()

    def yield_to_others(phase: str, info: dict[str, int]) -> None:
        time.sleep(0)

    gc.callbacks.append(yield_to_others)
    gc.set_threshold(5, 1, 1)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(yield_to_others)


def test_threads_may_read_at_once(switching: None) -> None:
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(lambda _: parse(SOURCE), range(80)))
    assert {ast.dump(tree) for tree in trees} == {ast.dump(trees[0])}


def test_one_expression_is_read_as_one() -> None:
    assert isinstance(parse("1 + 2", "eval").body, ast.BinOp)
    with pytest.raises(SyntaxError):
        parse("a = 1", "eval")
