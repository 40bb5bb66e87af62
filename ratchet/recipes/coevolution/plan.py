"""What a run of co-evolution would do and cost, before it starts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ratchet.core.errors import ModelError
from ratchet.engine import models
from ratchet.guard.charter import Charter, find_charter
from ratchet.loop.gates import estimate_anchors
from ratchet.recipes.coevolution.settings import Settings

_SUSTAINED_FLOPS = {"cpu": 2e11, "cuda": 3e14}
"""Rough sustained arithmetic of two CPU cores and of one data-centre GPU, operations a second."""
_GB = 2**30


@dataclass(frozen=True)
class Plan:
    """Upper bounds: every attempt as long as allowed, every proposal a new task in the band, every
    decision with all anchors that the charter's gate may draw."""

    parameters: float
    """Weights of the model."""
    attempts: int
    """Attempts by solvers in the whole run, measurements included."""
    gate_anchors: int
    """The most anchors that one decision may draw, by the charter's terms; two attempts each."""
    typical_gate_anchors: int
    """About how many a decision draws, a rule of thumb and no bound: see `estimate_anchors`."""
    sampled_tokens: int
    """Most tokens written."""
    trained_tokens: int
    """Most policy tokens trained on."""
    solver_steps: int
    """Most optimiser steps of the solver."""
    memory_gb: float
    """Weights, gradients and moments of what is loaded at once; activations come on top."""
    hours: float
    """At a rough sustained speed of the device, forward 2 and training 6 operations a weight."""


def plan(config: Settings) -> Plan:
    """Return the plan of a run. Raises ModelError if the model's size cannot be told."""
    c, size = config, count_parameters(config.model)
    proposals, rows = c.effort.proposals, c.generations * c.effort.rows
    solving = c.generations * (proposals + c.pinned_tasks + c.held_tasks) * c.attempts
    charter = Charter.read(find_charter(c.charter))
    most, typical = estimate_anchors(charter, c.gate_items)
    decisions = min(c.generations, charter.gate.tests) if charter.gate else c.generations
    measuring = 2 * (decisions * most + c.generations * c.monitor_items)
    measuring += 3 * c.audit_items + 4 * c.final_items + 2 * c.generations * c.transfer_items
    written = (solving + measuring + c.generations * proposals) * c.max_tokens
    steps = c.generations * c.effort.steps
    work = 2 * size * (written + c.generations * c.effort.read) + 6 * size * rows * c.max_tokens
    width = 2 if c.dtype == "bfloat16" else 4
    memory = size * (width * 1.25 if c.rank else width + 2 * 16)
    return Plan(
        size,
        solving + measuring,
        most,
        typical,
        written,
        rows * c.max_tokens,
        steps,
        round(memory / _GB, 1),
        round(work / _SUSTAINED_FLOPS[c.device.partition(":")[0]] / 3600, 2),
    )


def count_parameters(model: str) -> float:
    """Return a model's number of weights: from its files if they are here, else from its name."""
    named = re.search(r"(\d+(?:\.\d+)?)([BbMm])\b", model)
    try:
        folder = models.resolve(model)
    except ModelError:
        if named is None:
            raise
        return float(named[1]) * (1e9 if named[2] in "Bb" else 1e6)
    total = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        for name, tensor in header.items():
            if name != "__metadata__":
                size = 1
                for side in tensor["shape"]:
                    size *= side
                total += size
    return float(total)
