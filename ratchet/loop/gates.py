"""Which gate a charter asks for, and a gate as data, so that its decisions can be repeated."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

from ratchet.core.codec import to_data
from ratchet.guard.charter import Charter
from ratchet.loop.gate import Gate, IntervalGate
from ratchet.loop.ladder_gate import LadderGate
from ratchet.loop.sequential_gate import SequentialGate


def choose_gate(charter: Charter, items: int) -> Gate:
    """Return the gate of a charter's terms; without terms, the interval gate on this many items."""
    if charter.gate is None:
        return IntervalGate(items)
    if charter.gate.step is not None:
        return LadderGate(charter.gate)
    return SequentialGate(charter.gate, tuple(f for f, share in charter.families.items() if share))


def describe_gate(gate: Gate) -> dict[str, Any]:
    """Return a gate's type and settings as plain data, so that its decisions can be repeated."""
    settings: dict[str, Any] = to_data(gate) if is_dataclass(gate) else {}
    return {"name": type(gate).__name__, "settings": settings}
