"""``report.json`` against the ledger: every number computed again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ratchet.core.errors import RunError
from ratchet.loop.folder import RunFolder
from ratchet.loop.ledger import Entry
from ratchet.loop.problem import Notes, Problem, find_difference
from ratchet.report.schema import FORMAT
from ratchet.report.summary import build_report, read_settings

_NAME = "report.json"


def check_report(folder: RunFolder, entries: Sequence[Entry], notes: Notes) -> Iterator[Problem]:
    """Yield where the report differs from what the ledger gives.

    A report names the entry it was made after; later entries make it old, not wrong, but a run that
    has ended must have the report of its end.
    """
    again = f"write it again: ratchet report {folder.path}"
    ended = any(entry.kind == "end" for entry in entries)
    try:
        text = folder.report.read_text("utf-8")
        report = json.loads(text)
    except FileNotFoundError:
        if ended:
            yield Problem(_NAME, f"is missing; {again}")
        else:
            notes.say("there is no report.json yet")
        return
    except (OSError, ValueError) as error:
        yield Problem(_NAME, f"cannot be read: {error}")
        return
    head = _head(report)
    if head is None or report.get("format") != FORMAT:
        yield Problem(
            _NAME,
            f"is of another format than {FORMAT}; write it again: ratchet report {folder.path}",
        )
        return
    made = next((e.seq + 1 for e in entries if [e.seq + 1, e.hash] == head), None)
    if made is None and entries:
        yield Problem(_NAME, "cost.ledger: names an entry that the ledger does not have")
        return
    try:
        settings = read_settings(folder)
    except RunError:
        return  # the settings have been named already
    then = build_report(settings, entries[:made]).model_dump(mode="json")
    notes.count("numbers recomputed", _count(then))
    if (difference := find_difference(report, then)) is not None:
        place, told, given = difference
        yield Problem(_NAME, f"{place}: says {told}, the ledger gives {given}")
        return
    if json.dumps(then, indent=2, sort_keys=True, allow_nan=False) + "\n" != text:
        yield Problem(_NAME, "says the same in other words than Ratchet writes it")
        return
    if made != len(entries):
        now = build_report(settings, entries).model_dump(mode="json")
        if find_difference({**now, "cost": 0}, {**then, "cost": 0}) is not None:
            told = f"is that of {made} entries, the ledger has {len(entries)}"
            if ended:
                yield Problem(_NAME, f"{told}; {again}")
            else:
                notes.say(f"{_NAME} {told}")


def _head(report: Any) -> list[Any] | None:
    try:
        head = report["cost"]["ledger"]
        return [head["entries"], head["hash"]]
    except (KeyError, TypeError):
        return None


def _count(value: Any) -> int:
    """Return how many numbers are in JSON data."""
    if isinstance(value, dict):
        return sum(_count(inner) for inner in value.values())
    if isinstance(value, list):
        return sum(_count(inner) for inner in value)
    return int(isinstance(value, int | float) and not isinstance(value, bool))
