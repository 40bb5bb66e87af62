"""The head of a ledger, kept beside it: how many entries there are, and the hash of the last.

A chain alone does not notice that its last entries are gone. The head is written before every entry
with the hash that is to come, and after it without, so that a kill leaves one of two states that
fit, and a ledger that is shorter, longer or other than its head does not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ratchet.core.codec import hash_data
from ratchet.core.errors import RunError
from ratchet.loop.disk import write_atomically

START = "0" * 32
"""What the first entry follows."""


@dataclass(frozen=True)
class Head:
    """How far a ledger goes."""

    entries: int = 0
    """Number of entries."""
    hash: str = START
    """Hash of the last one."""
    coming: str = ""
    """Hash of the entry that is about to be written; empty when none is."""

    def fits(self, entries: int, digest: str) -> bool:
        """Whether a ledger of this many entries with this last hash is the one meant."""
        told = {(self.entries, self.hash)}
        if self.coming:
            told.add((self.entries + 1, self.coming))
        return (entries, digest) in told


def head_path(ledger: Path) -> Path:
    """Return where the head of a ledger lies."""
    return ledger.with_suffix(".head")


def write_head(ledger: Path, head: Head) -> None:
    """Write the head of a ledger, whole or not at all."""
    data = {"entries": head.entries, "hash": head.hash, "coming": head.coming}
    text = json.dumps({**data, "check": hash_data(data)}, indent=2, sort_keys=True) + "\n"
    write_atomically(head_path(ledger), text.encode())


def read_head(ledger: Path) -> Head | None:
    """Return the head of a ledger, None if there is none; RunError if it was changed."""
    path = head_path(ledger)
    try:
        text = path.read_text("utf-8")
        data = json.loads(text)
        check = data.pop("check")
        head = Head(**data)
        whole = json.dumps({**data, "check": check}, indent=2, sort_keys=True) + "\n" == text
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(f"cannot read {path}: {error}", "restore it from a copy") from error
    if check != hash_data(data) or not whole:
        raise RunError(f"{path} was changed", "restore it from a copy")
    return head
