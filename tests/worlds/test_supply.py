"""Supplies: distinct, by level, nothing lost, and dry in the end."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle

from ratchet.worlds.supply import Supply


@dataclass(frozen=True)
class Item:
    """A problem that is nothing but its name and level."""

    id: str
    level: int


def supply(*texts: str, misses: int = 100, endless: bool = False) -> Supply[Item]:
    """Return a supply of items such as "a1": name and level."""
    items = [Item(text[0], int(text[1])) for text in texts]
    return Supply(cycle(items) if endless else iter(items), misses)


def names(items: list[Item]) -> str:
    return "".join(item.id for item in items)


def test_a_problem_comes_once() -> None:
    assert names(supply("a1", "b1", "a1", "c1", "b1").take(None, 9)) == "abc"


def test_what_is_of_another_level_is_kept_and_comes_first() -> None:
    drawn = supply("a1", "b2", "c1", "d2", "e1")
    assert names(drawn.take(1, 2)) == "ac"
    assert names(drawn.take(2, 2)) == "bd"
    assert names(drawn.take(None, 9)) == "e"


def test_an_endless_source_is_dry_after_so_many_misses() -> None:
    drawn = supply("a1", "b2", endless=True, misses=5)
    assert names(drawn.take(2, 3)) == "b"
    assert names(drawn.take(1, 3)) == "a"
    assert drawn.take(None, 1) == []
