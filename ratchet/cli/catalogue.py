"""``list``: the recipes that ship with Ratchet."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.cli.reply import Reply, columns


@dataclass(frozen=True, kw_only=True)
class List:
    """Show the recipes, what each does, and its tiers."""

    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """Show them."""
        from ratchet.recipes.launch import find_method, list_methods

        methods = [find_method(name) for name in list_methods()]
        rows = [
            {
                "recipe": method.name,
                "about": (method.module.__doc__ or "").strip().partition("\n")[0],
                "tiers": method.tiers,
            }
            for method in methods
        ]
        head = ["recipe", "tiers", "about"]
        shown = [[str(r["recipe"]), ", ".join(r["tiers"]), str(r["about"])] for r in rows]
        text = columns([head, *shown]) + "\n\nstart one with: ratchet run RECIPE"
        return Reply({"recipes": rows}, text)
