"""The budget of a run under way: only a person may change it, and the ledger tells when.

Everything else in a charter is the terms on which candidates are judged and anchors are drawn, and
is fixed for good. A budget is not: it decides when a run stops, never what it measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ratchet.guard.charter import Charter
from ratchet.loop.ledger import Entry


def amended(entries: Sequence[Entry], charter: Charter) -> str | None:
    """Return what a person must agree to before the run goes on: its budget was changed.

    None if it was not, if the run has ended, or if the charter is another one altogether.
    """
    kinds = [entry.kind for entry in entries]
    agreed = [entry.body for entry in entries if entry.kind in ("start", "amendment")]
    if not agreed or "end" in kinds or agreed[-1]["charter"] == charter.hash:
        return None
    if fixed_of(agreed[0]) != charter.fixed_hash:
        return None
    then, now = (terms["budget"] for terms in (agreed[-1]["terms"], charter.terms))
    changes = [
        f"{name} from {_shown(then.get(name))} to {_shown(now.get(name))}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    return f"the budget was changed: {', '.join(changes)}"


def fixed_of(body: Mapping[str, Any]) -> str:
    """Return the hash of all but the budget that a start or an amendment names."""
    if "terms" not in body:  # a ledger of an older schema, whose charter cannot be amended
        return str(body["charter"])
    return Charter.build(body["terms"], source="the ledger's charter").fixed_hash


def _shown(limit: float | None) -> str:
    return "no limit" if limit is None else f"{limit:,.6g}"
