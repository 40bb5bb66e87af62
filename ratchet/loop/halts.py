"""Stops between two decisions, as the ledger tells them: a spent budget, or tampering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ratchet.loop.ledger import Entry


def last_halt(entries: Sequence[Entry]) -> dict[str, Any] | None:
    """Return the finding that halted a run between two decisions, if it has not gone on since."""
    if entries and entries[-1].kind == "halt":
        return dict(entries[-1].body["finding"])
    return None


def trusted(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries without those that the loop found in its ledger and had not written."""
    for halt in entries:
        if halt.kind == "halt" and "trusted" in halt.body:
            return [e for e in entries if e.seq < halt.body["trusted"] or e.seq >= halt.seq]
    return list(entries)
