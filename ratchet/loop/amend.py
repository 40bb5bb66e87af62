"""The budget of a run under way: only a person may change it, and the ledger tells when.

Everything else in a charter is the terms on which candidates are judged and anchors are drawn, and
is fixed for good. A budget is not: it decides when a run stops, never what it measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ratchet.guard.charter import Charter
from ratchet.loop.ledger import Entry


def describe_terms(charter: Charter) -> dict[str, Any]:
    """Return what the ledger keeps of a charter, at the start and with every amendment."""
    return {
        "charter": charter.hash,
        "terms": charter.terms,
        "budget": charter.budget.model_dump(mode="json", exclude_none=True),
    }


def amended(entries: Sequence[Entry], charter: Charter) -> str | None:
    """Return what a person must agree to before the run goes on: its budget was changed.

    None if it was not, if the run has ended, or if the charter is another one altogether.
    """
    kinds = [entry.kind for entry in entries]
    agreed = [entry.body for entry in entries if entry.kind in ("start", "amendment")]
    if not agreed or "end" in kinds or agreed[-1]["charter"] == charter.hash:
        return None
    if terms_of(agreed[0]) != charter.terms:
        return None
    then: dict[str, Any] = agreed[-1].get("budget", {})
    now = describe_terms(charter)["budget"]
    changes = [
        f"{name} from {then.get(name, 'no limit')} to {now.get(name, 'no limit')}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    return f"the budget was changed: {', '.join(changes)}"


def terms_of(start: Mapping[str, Any]) -> str:
    """Return the hash of the terms that a run began with."""
    return str(start.get("terms", start["charter"]))
