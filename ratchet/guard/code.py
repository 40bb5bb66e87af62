"""Functions that a benchmark holds, found again under other names: normalised syntax trees.

Two functions are the same here if their trees are equal after every name that the function binds is
numbered in order of appearance, and docstrings, comments, layout and annotations are gone. Nothing
is executed. Not found: reordered statements, other algorithms for the same task.
"""

from __future__ import annotations

import ast
import copy
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import TypeGuard

from ratchet.core.codec import hash_text
from ratchet.core.syntax import parse

LEAST_NODES = 25
"""A function with fewer nodes in its tree is no evidence: many people write it by themselves."""
_LONGEST, _DEEPEST = 50_000, 60
"""Most characters and most open brackets of a text that is parsed."""
_FENCED = re.compile(r"```[^\n]*\n(.*?)```", re.DOTALL)
_OPENING, _CLOSING = "([{", ")]}"
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class CodeIndex:
    """Finds the functions of a benchmark in texts."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._known: dict[str, int] = {}
        for number, source in enumerate(sources):
            for print_ in fingerprints(source):
                self._known.setdefault(print_, number)

    def __len__(self) -> int:
        return len(self._known)

    def find(self, text: str) -> int | None:
        """Return the number of the source of which the text holds a function, or None."""
        for source in (*_FENCED.findall(text), text):
            for print_ in fingerprints(source):
                if print_ in self._known:
                    return self._known[print_]
        return None


def fingerprints(source: str) -> list[str]:
    """Return one hash per function that is large enough; none if this is no Python. Total."""
    tree = _parse(source)
    if tree is None:
        return []
    functions = [_bare(copy.deepcopy(node)) for node in ast.walk(tree) if _is_function(node)]
    large = [f for f in functions if sum(1 for _ in ast.walk(f)) >= LEAST_NODES]
    return [hash_text(_numbered(function)) for function in large]


def _is_function(node: ast.AST) -> TypeGuard[_Function]:
    return isinstance(node, _Function)


def _parse(source: str) -> ast.Module | None:
    if len(source) > _LONGEST or _depth(source) > _DEEPEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _depth(source: str) -> int:
    depth = deepest = 0
    for sign in source:
        depth += (sign in _OPENING) - (sign in _CLOSING)
        deepest = max(deepest, depth)
    return deepest


def _bare(function: _Function) -> _Function:
    """Take docstrings and annotations off, in place."""
    for node in ast.walk(function):
        if isinstance(node, _Function | ast.ClassDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, _Function):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return function


def _numbered(function: _Function) -> str:
    """Return the tree as text, names that the function binds numbered in order of appearance."""
    names: dict[str, str] = {}
    for name in _bound(function):
        names.setdefault(name, f"v{len(names)}")
    for node in ast.walk(function):
        for field in ("name", "id", "arg"):
            value = getattr(node, field, None)
            if isinstance(value, str) and value in names:
                setattr(node, field, names[value])
    return ast.dump(function, annotate_fields=False)


def _bound(function: _Function) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, _Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
