"""Stops between two decisions, as the ledger tells them: a spent budget, or tampering."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ratchet.loop.ledger import Entry

_STAYS = ("resume", "rollback", "prune", "study", "migrated")
"""What may follow a halt without taking the run any further."""


def last_halt(entries: Sequence[Entry]) -> dict[str, Any] | None:
    """Return the finding that halted a run between two decisions, if it has not gone on since."""
    last = next((entry for entry in reversed(entries) if entry.kind not in _STAYS), None)
    return dict(last.body["finding"]) if last is not None and last.kind == "halt" else None


def find_tampering(entries: Iterable[Entry]) -> Entry | None:
    """Return the halt of a run that was tampered with, which makes it invalid for good."""
    return next((e for e in entries if e.kind == "halt" and "trusted" in e.body), None)


def trusted(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries without those that the loop found in its ledger and had not written."""
    halt = find_tampering(entries)
    if halt is None:
        return list(entries)
    return [e for e in entries if e.seq < halt.body["trusted"] or e.seq >= halt.seq]
