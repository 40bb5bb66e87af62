"""``list``: the recipes that ship with Ratchet."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ratchet.cli.reply import Reply, columns
from ratchet.core.syntax import parse


@dataclass(frozen=True, kw_only=True)
class List:
    """Show the recipes, what each does, and its tiers."""

    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """Show them."""
        import ratchet.recipes
        from ratchet.recipes.launch import list_methods

        home = Path(ratchet.recipes.__path__[0])
        rows = [_describe(name, home / name) for name in list_methods()]
        head = ["recipe", "tiers", "about"]
        shown = [[str(r["recipe"]), ", ".join(r["tiers"]), str(r["about"])] for r in rows]
        text = columns([head, *shown]) + "\n\nstart one with: ratchet run RECIPE"
        return Reply({"recipes": rows}, text)


def _describe(name: str, folder: Path) -> dict[str, Any]:
    """Read a recipe's first line and tiers without importing it, which may take seconds."""
    from ratchet.recipes.launch import Method

    about = ast.get_docstring(parse((folder / "recipe.py").read_text("utf-8"))) or ""
    tiers = Method(name, ModuleType(name, about), folder).tiers
    return {"recipe": name, "about": about.partition("\n")[0], "tiers": tiers}
