"""Made-up tables of known laws."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.table import Table
from ratchet.research.scaling_laws.tasks import TASKS


@pytest.fixture
def sft() -> Table:
    """Six groups of a rectified law with a tenth of a percent of noise."""
    rng = Seed(1).rng()
    sizes = 200.0 * 2.0 ** np.arange(12) / 1e4
    groups, inputs, targets = [], [], []
    for g in range(6):
        low, drop, scale, power = 1 + g / 5, 2 + g / 3, 0.3 + g / 10, 0.4 + g / 20
        for d in sizes:
            groups.append(f"model {g}")
            inputs.append(d)
            targets.append(low + drop * 0.3 / (scale + d**power) + 0.002 * rng.normal())
    return Table(TASKS["sft"], tuple(groups), {"d": np.array(inputs)}, np.array(targets)[:, None])


@pytest.fixture
def parallel() -> Table:
    """See `make_parallel`."""
    return make_parallel()


def make_parallel() -> Table:
    """Two groups, nine sizes, one, two and four streams."""
    groups, n, p, y = [], [], [], []
    for group, low in (("pile", 1.2), ("stack", 0.7)):
        for size in np.logspace(-0.3, 0.7, 9):
            for streams in (1.0, 2.0, 4.0):
                groups.append(group)
                n.append(size)
                p.append(streams)
                y.append(low + 0.9 * (size * (1 + 0.4 * np.log(streams))) ** -0.3)
    inputs = {"n": np.array(n), "p": np.array(p)}
    return Table(TASKS["parallel"], tuple(groups), inputs, np.array(y)[:, None])
