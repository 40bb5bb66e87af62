"""Where Absolute Zero's text and its released code differ, as settings, and the table of it.

``python -m ratchet.recipes.absolute_zero.profiles`` prints the table of docs/profiles.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from ratchet.recipes.coevolution.profiles import tabulate

_BOTH: Mapping[str, Any] = {
    "difficulty": "failure",
    "invalid": -1.0,
    "wrong": -0.5,
    "unread": -1.0,
    "baseline": "cell",
    "attempts": 8,
    "references": 6,
    "recall": "uniform",
    "buffer_limit": 16_384,
    "roles": "shared",
    "solver_kl": 0.0,
    "proposer_kl": 0.0,
    "tool": False,
}
PROFILES: Mapping[str, Mapping[str, Any]] = {
    "paper": {"boundary": 0.0, **_BOTH},
    "release": {"boundary": -0.5, **_BOTH},
}
"""What each says, by setting. arXiv 2505.03335 and Absolute-Zero-Reasoner at a82124e."""

NOTES: Mapping[str, str] = {
    "boundary": "the composite rule for answers is applied to proposals too, and overrides the "
    "formula where that gives 0",
    "difficulty": "an answer that comes twice among the 8 may add an empty result to the mean",
    "attempts": "made for the rate alone; here they are trained on too",
    "wrong": "for the solver; format is checked by tags there, by reading the answer here",
    "invalid": "banned words are matched by name; here nothing is banned, all runs in the sandbox",
    "tool": "at tiers `tiny` and `smol` the solver has the calculator",
}
"""What else the released code does, or the paper leaves open."""


def difference_table() -> str:
    """Return the table of Absolute Zero's profiles."""
    from ratchet.recipes.absolute_zero.config import Config

    return tabulate(Config, PROFILES, NOTES)


if __name__ == "__main__":
    sys.stdout.write(difference_table())
