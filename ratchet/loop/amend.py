"""What a run is held to when it goes on, and the one part of it that a person may change.

Settings, evaluator and charter are fixed for good, but for the charter's budget: it decides when a
run stops, never what it measures. The ledger tells when it was changed, and that a person agreed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ratchet.core.errors import RunError
from ratchet.guard.charter import Charter
from ratchet.guard.evaluator import Evaluator
from ratchet.loop.config import RunConfig
from ratchet.loop.ledger import Entry


def describe_charter(charter: Charter) -> dict[str, Any]:
    """Return what the ledger keeps of a charter, at the start and with every amendment."""
    return {"charter": charter.hash, "terms": charter.terms}


def charter_of(body: Mapping[str, Any]) -> Charter | None:
    """Return the charter that an entry holds; None for older ones, which hold its hash alone."""
    return Charter.build(body["terms"]) if "terms" in body else None


def fixed_hash_of(start: Mapping[str, Any]) -> str:
    """Return the hash of what is fixed for good in the charter that a run began with."""
    charter = charter_of(start)
    return charter.fixed_hash if charter else str(start["charter"])


def amended(entries: Sequence[Entry], charter: Charter) -> str | None:
    """Return what a person must agree to before the run goes on: its budget was changed.

    None if it was not, if the run has ended, or if the charter is another one altogether.
    """
    agreed = [entry.body for entry in entries if entry.kind in ("start", "amendment")]
    if not agreed or any(entry.kind == "end" for entry in entries):
        return None
    if agreed[-1]["charter"] == charter.hash or fixed_hash_of(agreed[0]) != charter.fixed_hash:
        return None
    before = charter_of(agreed[-1])
    then: dict[str, Any] = before.budget.model_dump(exclude_none=True) if before else {}
    now: dict[str, Any] = charter.budget.model_dump(exclude_none=True)
    changes = [
        f"{name} from {then.get(name, 'no limit')} to {now.get(name, 'no limit')}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    return f"the budget was changed: {', '.join(changes)}"


def require_same(
    entries: Sequence[Entry], config: RunConfig, evaluator: Evaluator, run: object
) -> None:
    """RunError if a run was started under other settings, another charter or another evaluator.

    A changed budget is let pass: see `amended`. ``run`` names the run in what is told.
    """
    start = next(entry.body for entry in entries if entry.kind == "start")
    now, then = config.model_dump(mode="json"), start["config"]
    changed = sorted(key for key in {*now, *then} if now.get(key) != then.get(key))
    if fixed_hash_of(start) != evaluator.charter.fixed_hash:
        changed.append(f"the charter {config.charter}")
    if changed:
        raise RunError(
            f"{run} was started with other settings: {', '.join(changed)}",
            "restore them, or start a new run",
        )
    if start.get("evaluator_source", evaluator.opened.source) != evaluator.opened.source:
        raise RunError(
            f"{run} was started with another evaluator: its source has changed",
            "use the version of Ratchet that made the run, or start a new run",
        )
