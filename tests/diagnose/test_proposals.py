"""Probes fire on what they are for, stay silent on what is healthy, and ask for the right thing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ratchet.core.findings import Restart
from ratchet.core.records import Evaluation, Trace
from ratchet.core.state import State
from ratchet.core.task import Attempt, StopReason, Task, Verdict
from ratchet.diagnose.proposals import NoValidProposals, RepeatedProposals
from ratchet.loop.recipe import Probe, Records

STATE = State({})
PROBES: list[Probe] = [NoValidProposals(), RepeatedProposals()]


def trace(
    text: str, passed: bool = True, role: str = "proposer", task: str = "t", **measures: float
) -> Trace:
    return Trace(
        Task(task, "w", "p", "f", 1),
        Attempt(task, "v", (), text, StopReason.END),
        Verdict(float(passed), passed, True, "exact"),
        role,
        measures,
    )


HEALTHY: Records = [
    *(trace(f"{i} + {i}") for i in range(20)),
    *(trace("junk", False) for _ in range(30)),
    *(trace("4", True, "solver", str(i), label_right=float(i > 2)) for i in range(10)),
    Evaluation("x", 0.5),
]


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: str(probe.name))
def test_a_probe_fires_on_its_planted_records_and_on_nothing_healthy(probe: Probe) -> None:
    finding = probe.measure(probe.planted(), STATE)
    assert finding is not None and finding.name == probe.name
    assert probe.measure([HEALTHY], STATE) is None
    assert probe.measure([], STATE) is None
    assert probe.measure([[]], STATE) is None


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: str(probe.name))
def test_a_probe_looks_at_the_newest_generation(probe: Probe) -> None:
    (planted,) = probe.planted()
    assert probe.measure([planted, HEALTHY], STATE) is None
    assert probe.measure([HEALTHY, planted], STATE) is not None


def test_no_valid_proposals_restarts_the_proposer() -> None:
    probe = NoValidProposals()
    finding = probe.measure([[trace("a", False), trace("b", False)]], STATE)
    assert finding is not None
    assert finding.action == Restart("proposer") and finding.measures == {"proposals": 2}
    assert probe.measure([[trace("a", False), trace("1 + 1")]], STATE) is None
    # The solver's failures are not the proposer's.
    assert probe.measure([[trace("a", False, "solver")]], STATE) is None


def repeats(distinct: int, of: int) -> Sequence[Trace]:
    return [trace(f"{i % distinct} + 1") for i in range(of)]


@pytest.mark.parametrize(
    ("distinct", "of", "fires"),
    [(3, 20, True), (4, 20, False), (1, 16, True), (1, 15, False)],
)
def test_repeated_proposals_fires_below_its_share(distinct: int, of: int, fires: bool) -> None:
    invalid = [trace("junk", False)] * 50
    finding = RepeatedProposals().measure([[*repeats(distinct, of), *invalid]], STATE)
    assert (finding is not None) == fires
    if finding is not None:
        assert finding.action == Restart("proposer")
        assert finding.measures == {"distinct_share": distinct / of, "proposals": of}
