"""What the package exports, and what it may import."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import ratchet.stats


def test_exports_are_sorted_and_present() -> None:
    names = ratchet.stats.__all__
    assert list(names) == sorted(names)
    assert all(hasattr(ratchet.stats, name) for name in names)


def test_the_package_needs_numpy_and_nothing_else() -> None:
    allowed = set(sys.stdlib_module_names) | {"numpy", "ratchet.stats"}
    for file in Path(ratchet.stats.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                root = ".".join(name.split(".")[: 2 if name.startswith("ratchet") else 1])
                assert root in allowed, f"{file.name} imports {name}"
