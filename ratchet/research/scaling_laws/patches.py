"""Laws by patches: named edits of a law's text, for the proposer that edits source text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from ratchet.research.scaling_laws.form import FOCUSES, LINKS, LOSSES, POOLS
from ratchet.research.scaling_laws.grammar import write_macros
from ratchet.research.scaling_laws.tasks import Task
from ratchet.search.patches import Edit


def law_edits(task: Task, positive: bool, cells: int) -> tuple[Edit, ...]:
    """Return what may be changed in a law's text: its head, and terms of one variable each.

    An edit that does not fit the law as it stands has no place there; one that breaks the cap is
    refused by the evaluation. Products of variables are out of reach: that is what the grammar of
    trees is for.
    """
    return tuple([*_heads(positive, cells), *_terms(task)])


def _heads(positive: bool, cells: int) -> Iterator[Edit]:
    """Change the link, the loss, what counts more, and what is common to groups."""
    for link, other in permutations(LINKS if positive else (), 2):
        yield Edit(f"link {other}", f"(law {link} ", f"(law {other} ")
    for loss, other in permutations(LOSSES, 2):
        yield Edit(f"loss {other}", f" {loss} ", f" {other} ")
    for focus, more in permutations(FOCUSES, 2):
        for loss in LOSSES:
            yield Edit(f"focus {more}", f" {loss} {focus} ", f" {loss} {more} ")
    for pool, other in permutations(POOLS if cells > 1 else (), 2):
        yield Edit(f"pool {other}", f" {pool} (", f" {other} (")


def _terms(task: Task) -> Iterator[Edit]:
    """Put a macro in the place of another of the same variable, add one, or drop one."""
    sign = "-" if task.limits is not None else "~"
    for name in (*task.variables, *(("own",) if task.own else ())):
        macros = write_macros(task, name)
        for old, new in permutations(macros, 2):
            yield Edit(f"{old} -> {new}", f" {old})", f" {new})")
        for macro in macros:
            for pool in POOLS:
                yield Edit(f"add {macro}", f" {pool} (", f" {pool} ({sign} {macro}) (")
            for had in ("+", "-", "~"):
                yield Edit(f"drop {macro}", f" ({had} {macro})", "")
