"""What a ledger tells of budgets and stops, computed again for a proof."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ratchet.core.codec import from_data, hash_data
from ratchet.core.findings import Finding
from ratchet.guard.budget import UNITS, Budget, Spent, amounts, exceeded
from ratchet.loop.amend import amended, charter_of
from ratchet.loop.ledger import Entry
from ratchet.loop.position import Position
from ratchet.loop.problem import Problem

_AGREED = ("start", "amendment")
_Places = Sequence[tuple[Entry, Position]]


def check_charters(places: _Places) -> Iterator[Problem]:
    """Every charter has its hash, every amendment changes the budget alone and says how, and every
    decision was made under the charter then in force."""
    before: list[Entry] = []
    force = ""
    for entry, _ in places:
        body, where = entry.body, f"ledger entry {entry.seq}"
        if (
            entry.kind in _AGREED
            and "terms" in body
            and hash_data(body["terms"]) != body["charter"]
        ):
            yield Problem(where, "the terms do not have the charter's hash")
        if entry.kind == "amendment":
            charter = charter_of(body)
            if charter is None or body["reason"] != amended(before, charter):
                yield Problem(where, "it is no change of the budget alone, or tells another one")
        if entry.kind in _AGREED:
            force = body["charter"]
        if entry.kind == "generation" and body.get("charter", force) != force:
            yield Problem(where, "decided under another charter")
        before.append(entry)


def check_halts(places: _Places) -> Iterator[Problem]:
    """Every halt follows from the budget in force and what was spent of it at the least; behind
    tampering stands nothing but the end of an invalid run."""
    budget, tokens, read = Budget(), 0, 0
    for at, (entry, position) in enumerate(places):
        body, where = entry.body, f"ledger entry {entry.seq}"
        cost = body.get("cost", {})
        tokens, read = tokens + cost.get("tokens", 0), read + cost.get("prompt_tokens", 0)
        if entry.kind in _AGREED:
            charter = charter_of(body)
            budget = charter.budget if charter else Budget()
        if entry.kind != "halt":
            continue
        finding = from_data(Finding, body["finding"])
        if "trusted" in body:
            rest = [(later.kind, later.body.get("status")) for later, _ in places[at + 1 :]]
            if not 0 <= body["trusted"] <= entry.seq or rest not in ([], [("end", "invalid")]):
                yield Problem(where, f"{finding.name} is not the end of the run")
            continue
        spent = Spent(tokens=tokens, prompt_tokens=read, generations=position.generation)
        if not _follows(finding, budget, spent):
            yield Problem(where, f"{finding.name} does not follow from the budget and the costs")


def _follows(finding: Finding, budget: Budget, spent: Spent) -> bool:
    """Whether the budget gives this finding. A killed process may have used more than the ledger
    tells; seconds and disk are not told by it at all."""
    name = finding.name.removeprefix("budget_")
    if name not in UNITS or finding != exceeded(budget, name, finding.measures["used"]):
        return False
    told, used = amounts(budget, spent)[name], finding.measures["used"]
    return used == told if name == "generations" else used >= told
