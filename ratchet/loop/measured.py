"""The ledger's scores against the evaluator's own records: every item, every draw.

This looks into the evaluator's folder, which the loop never does: it is for proving a run after the
fact, and shows no prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ratchet.core.errors import EvaluatorError
from ratchet.guard.messages import FINAL, RECORDS
from ratchet.guard.records import read_rows
from ratchet.loop.amend import fixed_hash_of
from ratchet.loop.ledger import Entry
from ratchet.loop.problem import Notes, Problem

_Key = tuple[str, str, int]
"""Label, stream, number of the draw."""


def check_evaluator(
    folder: Path, entries: Sequence[Entry], seals: Mapping[int, str], done: bool, notes: Notes
) -> Iterator[Problem]:
    """Yield what does not match. ``seals`` holds, by entry, what the final stream was opened for;
    ``done`` says whether the run has come to an end that it planned.

    Entries of an older ledger name no records of the evaluator and are left out.
    """
    if not any("evaluator" in entry.body for entry in entries):
        notes.say("the ledger names no records of the evaluator: they were not checked")
        return
    rows: list[dict[str, Any]] = []
    hashes: list[str] = []
    broken: Problem | None = None
    try:
        for row, digest in read_rows(folder / RECORDS):
            rows.append(row)
            hashes.append(digest)
    except EvaluatorError as error:
        broken = Problem(f"{folder.name}/{RECORDS}", error.message)
    notes.count("evaluator's lines", len(rows))
    checked = 0
    for entry in entries:
        mark = entry.body.get("evaluator")
        if mark is None:
            continue
        upto, where = mark["rows"], f"{folder.name}/{RECORDS}"
        if upto > len(rows):
            yield broken or Problem(
                where, f"{len(rows)} lines, but entry {entry.seq} names {upto}: the last are gone"
            )
            return
        if upto and hashes[upto - 1] != mark["hash"]:
            yield Problem(
                f"{where} line {upto}",
                f"lines {checked + 1} to {upto} are not those that entry {entry.seq} names",
            )
            return
        yield from _check_entry(entry, rows[checked:upto], where)
        checked = upto
    if broken:
        yield broken
    elif len(rows) > checked:
        left = f"{len(rows) - checked} lines after the last that the ledger names"
        if done:
            yield Problem(f"{folder.name}/{RECORDS} line {checked + 1}", left)
        else:
            notes.say(f"{folder.name}/{RECORDS}: {left}, of a generation that was not finished")
    yield from _check_seals(folder / FINAL, entries, seals)


def _check_entry(entry: Entry, rows: Sequence[dict[str, Any]], where: str) -> Iterator[Problem]:
    found = _latest(rows)
    for name, key, items, families in _claimed(entry):
        blocks = found.get(key)
        if blocks is None:
            if items:
                yield Problem(where, f"no scores of {key[0]!r} for {name} of entry {entry.seq}")
            continue
        scored = [_score(row) for row in blocks if bool(row.get("families")) == families]
        if scored == list(items):
            continue
        at = next(
            (i for i, (a, b) in enumerate(zip(scored, items, strict=False)) if a != b),
            min(len(scored), len(items)),
        )
        yield Problem(
            f"ledger entry {entry.seq}", f"{name}, item {at}: not what {where} says of {key[0]!r}"
        )


def _claimed(entry: Entry) -> Iterator[tuple[str, _Key, list[Any], bool]]:
    """Yield all scores that an entry claims: their place, whose they are, the items, and whether
    they were drawn by family."""
    body = entry.body
    if entry.kind == "start":
        for label, scores in body["base"]["scores"].items():
            yield f"base.{label}", (label, "audit", 0), scores["items"], False
    elif entry.kind == "study":
        for label, scores in body["scores"].items():
            key = (label, body["stream"], body["draw"])
            yield f"scores.{label}", key, scores["items"], False
    elif entry.kind == "end":
        for name, scores in body["scores"].items():
            yield f"scores.{name}", (body["labels"][name], "final", 0), scores["items"], False
    elif entry.kind == "generation":
        # Equal states are measured once, as the candidate.
        for side, label in body["labels"].items():
            key = (label, "gate", body["generation"])
            for part in ("evidence", "capabilities"):
                yield f"{part}.{side}", key, body[part][side]["items"], part == "capabilities"
        for label, scores in body.get("audit", {}).items():
            key = (label, "audit", body["generation"])
            yield f"audit.{label}", key, scores["items"], False


def _latest(rows: Iterable[dict[str, Any]]) -> dict[_Key, list[dict[str, Any]]]:
    """Return the rows of the last measurement under every key: a kill may have cut earlier ones."""
    found: dict[_Key, list[dict[str, Any]]] = {}
    before: tuple[_Key, int] | None = None
    for row in rows:
        if row["kind"] != "score":
            before = None
            continue
        key = (row["label"], row["stream"], row["draw"])
        block = (key, row.get("batch", 0))
        if block != before and not block[1]:
            found[key] = []
        found.setdefault(key, []).append(row)
        before = block
    return found


def _score(row: dict[str, Any]) -> dict[str, Any]:
    verdict = row["verdict"]
    return {
        "item": row["item"],
        "family": row["family"],
        "score": float(verdict["reward"]),
        "parsed": bool(verdict["parsed"]),
    }


def _check_seals(
    path: Path, entries: Sequence[Entry], seals: Mapping[int, str]
) -> Iterator[Problem]:
    for entry in entries:
        if entry.seq not in seals or "evaluator" not in entry.body:
            continue
        start = next(e.body for e in entries if e.kind == "start")
        binding = {
            "sealed": seals[entry.seq],
            "charter": fixed_hash_of(start),
            "seed": start["config"]["seed"],
        }
        try:
            found = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            yield Problem(f"{path.parent.name}/{path.name}", f"cannot be read: {error}")
            continue
        if found != binding:
            yield Problem(
                f"{path.parent.name}/{path.name}",
                f"the final stream was opened for other states than entry {entry.seq} closes with",
            )
