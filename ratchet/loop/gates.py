"""Which gate a charter asks for, and a gate as data, so that its decisions can be repeated."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

from ratchet.core.codec import to_data
from ratchet.core.errors import ConfigError
from ratchet.guard.charter import Charter
from ratchet.loop.config import RunConfig
from ratchet.loop.gate import Gate, IntervalGate
from ratchet.loop.ladder_gate import LadderGate
from ratchet.loop.sequential_gate import SequentialGate

ITEMS = 200
"""Anchors per decision of the interval gate where the settings name no number."""


def choose_gate(charter: Charter, items: int | None) -> Gate:
    """Return the gate of a charter's terms; without terms, the interval gate on this many items."""
    if charter.gate is None:
        return IntervalGate(ITEMS if items is None else items)
    if charter.gate.step is not None:
        return LadderGate(charter.gate)
    return SequentialGate(charter.gate, tuple(f for f, share in charter.families.items() if share))


def require_effect(config: RunConfig, charter: Charter) -> None:
    """Refuse a number of anchors where the charter's terms say how many; raises ConfigError."""
    if charter.gate is not None and config.gate_items is not None:
        raise ConfigError(
            f"gate_items = {config.gate_items} has no effect: the charter {config.charter} has "
            "gate terms, which say how many anchors are drawn",
            "leave it out (--gate-items None), or name a charter without [gate]",
        )


def estimate_anchors(charter: Charter, items: int | None) -> tuple[int, int]:
    """Return the most anchors that one decision may draw, and about how many it draws.

    The second is a rule of thumb for candidates with gains, the ordinary number and a quarter of
    every capability's cap: ``bench.gate`` simulates 0.75 to 0.9 times it for the small charter, and
    0.7 for the standard one; a useless candidate draws half as many.
    """
    terms = charter.gate
    if terms is None:
        given = ITEMS if items is None else items
        return given, given
    if terms.step is not None:
        return terms.cap, terms.cap
    families = sum(share > 0 for share in charter.families.values())
    own = families * terms.capability_cap
    return terms.cap + own, terms.ordinary + own // 4


def describe_gate(gate: Gate) -> dict[str, Any]:
    """Return a gate's type and settings as plain data, so that its decisions can be repeated."""
    settings: dict[str, Any] = to_data(gate) if is_dataclass(gate) else {}
    return {"name": type(gate).__name__, "settings": settings}
