"""Reading Python source as a tree, from any thread."""

from __future__ import annotations

import ast
from threading import Lock
from typing import Literal, overload

_ONE_AT_A_TIME = Lock()
"""CPython 3.11 and 3.12 count the depth of a tree once per interpreter, so two threads that build
trees at once fail with "AST constructor recursion depth mismatch" (python/cpython#106905)."""


@overload
def parse(source: str, mode: Literal["exec"] = "exec") -> ast.Module: ...
@overload
def parse(source: str, mode: Literal["eval"]) -> ast.Expression: ...
def parse(source: str, mode: Literal["exec", "eval"] = "exec") -> ast.Module | ast.Expression:
    """Return the tree of Python source; nothing of it is executed.

    Raises what ``ast.parse`` raises: SyntaxError, ValueError on null bytes, RecursionError and
    MemoryError on nesting too deep.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(source) if mode == "exec" else ast.parse(source, mode="eval")
