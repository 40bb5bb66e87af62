"""Where the paper and the released code differ, as settings, and the table of it.

``python -m ratchet.recipes.coevolution.profiles`` prints the table of docs/profiles.md. A profile
takes the released code at its word: what its formulas say, not what its defects make of them. Those
stand in the table's last column.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from ratchet.core.config import Config

PROFILES: Mapping[str, Mapping[str, Any]] = {
    "paper": {
        "labels": "plurality",
        "difficulty": "uncertainty",
        "uncertainty": 1.0,
        "tool_use": 0.6,
        "repetition": 1.0,
        "own_share": True,
        "invalid": 0.0,
        "floored": True,
        "attempts": 10,
        "band_low": 0.25,
        "band_high": 0.75,
        "rule": "adpo",
        "adpo_normalise": False,
        "solver_kl": 0.01,
        "proposer_kl": 0.01,
        "max_turns": 4,
    },
    "release": {
        "labels": "plurality",
        "difficulty": "lesser_share",
        "uncertainty": 1.0,
        "tool_use": 0.2,
        "repetition": 1.0,
        "own_share": True,
        "invalid": -1.0,
        "floored": False,
        "attempts": 10,
        "band_low": 0.3,
        "band_high": 0.8,
        "rule": "adpo",
        "adpo_normalise": False,
        "solver_kl": 0.01,
        "proposer_kl": 0.01,
        "max_turns": 4,
    },
}
"""What each says, by setting. Agent0: arXiv 2511.16043 and aiming-lab/Agent0 at 3cf8bfe."""

NOTES: Mapping[str, str] = {
    "labels": "p is zeroed unless the plurality equals the last character of the proposer's own "
    "answer; an unreadable answer can win the vote",
    "difficulty": "no difference but the scale: half of the paper's",
    "tool_use": "calls are counted in the proposer's own text, so the term is about 0; 0.05 a call "
    "up to 4",
    "own_share": "average linkage; here single linkage",
    "attempts": "the pool is measured by another sampler: 9 attempts, without the tool",
    "band_low": "the paper's text says 0.25 to 0.75 and 0.3 to 0.8",
    "adpo_normalise": "the paper names no s(p); as shipped p never reaches the rule, or is the "
    "constant 0.6, and the clip is the plain one",
}
"""What else the released code does, or the paper leaves open."""


def difference_table() -> str:
    """Return the table of Agent0's profiles."""
    from ratchet.recipes.coevolution.settings import Settings

    return tabulate(Settings, PROFILES, NOTES)


def tabulate(
    settings: type[Config],
    profiles: Mapping[str, Mapping[str, Any]],
    notes: Mapping[str, str],
) -> str:
    """Return the settings of both profiles beside the defaults here, differences marked."""
    lines = [
        "| setting | what | paper | release | here | what the code does, what is open |",
        "|---|---|---|---|---|---|",
    ]
    for name in profiles["paper"]:
        field = settings.model_fields[name]
        told = " ".join((field.description or "").split()).split(". ")[0].rstrip(".")
        paper, release, ours = profiles["paper"][name], profiles["release"][name], field.default
        differs = "" if paper == release else "**"
        cells = [f"`{name}`", told.replace("``", "`"), _say(paper)]
        cells += [f"{differs}{_say(release)}{differs}", _say(ours), notes.get(name, "")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _say(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value}"


if __name__ == "__main__":
    sys.stdout.write(difference_table())
