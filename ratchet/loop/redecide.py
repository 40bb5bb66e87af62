"""Deciding again: a generation's decision, recomputed from the evidence that the ledger holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ratchet.core.codec import from_data, to_data
from ratchet.core.errors import RatchetError
from ratchet.core.evidence import Evidence, ItemScore, Scores
from ratchet.core.findings import Finding
from ratchet.core.seeds import Seed
from ratchet.loop.amend import charter_of
from ratchet.loop.gate import Gate, History, ask_approval
from ratchet.loop.gates import choose_gate, describe_gate
from ratchet.loop.position import Position


def known_gate(start: dict[str, Any]) -> Gate | None:
    """Return the gate that a run's terms and settings ask for, or None if it had another one, or
    the ledger does not hold them."""
    charter = charter_of(start)
    if charter is None:
        return None
    asked = choose_gate(charter, start["config"].get("gate_items"))
    if _unordered(describe_gate(asked)) != _unordered(start["gate"]):
        return None
    return from_data(type(asked), start["gate"]["settings"])


def _unordered(gate: dict[str, Any]) -> dict[str, Any]:
    """Leave out the order of the families, which a ledger does not keep of the terms, and absent
    terms, which an older ledger may not know."""
    settings: dict[str, Any] = gate["settings"]
    kept = {name: value for name, value in settings.items() if name != "terms"}
    terms = {name: term for name, term in settings.get("terms", {}).items() if term is not None}
    told = {**kept, "terms": terms, "families": sorted(settings.get("families", ()))}
    return {**gate, "settings": told}


def decide_again(
    gate: Gate, body: dict[str, Any], before: Position, root: Seed
) -> tuple[dict[str, Any], bool]:
    """Return the decision on a generation's recorded evidence as data, and whether the gate drew
    exactly that evidence."""
    evidence = from_data(Evidence, body["evidence"])
    draws = _Recorded(evidence, from_data(Evidence, body["capabilities"]))
    findings = [from_data(Finding, data) for data in body["findings"]]
    seed = root.child("generation", body["generation"], "gate")
    history = History(before.holds, before.tests)
    try:
        decision, drawn = gate.decide(draws, findings, history, seed)
    except (RatchetError, ValueError, ZeroDivisionError) as error:
        return {"error": str(error)}, False
    decision = ask_approval(decision, findings)
    return to_data(decision), draws.used_up and drawn == evidence


class _Recorded:
    """Gives out recorded evidence batch by batch, as it was drawn."""

    def __init__(self, mixed: Evidence, families: Evidence) -> None:
        self._mixed, self._families = mixed, families
        self._at = self._family_at = 0

    @property
    def used_up(self) -> bool:
        """Whether everything was drawn."""
        mixed, families = self._mixed.candidate, self._families.candidate
        return self._at == len(mixed) and self._family_at == len(families)

    def __call__(self, n: int, families: Sequence[str] = ()) -> Evidence:
        """Return the next ``n``, or the next of each family; fewer where fewer came."""
        if not families:
            first, self._at = self._at, min(self._at + n, len(self._mixed.candidate))
            return _part(self._mixed, first, self._at)
        first, items = self._family_at, self._families.candidate.items
        for family in families:
            self._family_at = _end_of(items, self._family_at, n, family)
        return _part(self._families, first, self._family_at)


def _end_of(items: Sequence[ItemScore], at: int, n: int, family: str) -> int:
    end = at
    while end < min(at + n, len(items)) and items[end].family == family:
        end += 1
    return end


def _part(evidence: Evidence, first: int, end: int) -> Evidence:
    ours, theirs = evidence.candidate.items[first:end], evidence.incumbent.items[first:end]
    return Evidence(evidence.stream, Scores(ours), Scores(theirs))
