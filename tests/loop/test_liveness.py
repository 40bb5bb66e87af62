"""The three states of a mechanism, and who is dead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from ratchet.core.findings import Finding
from ratchet.core.records import Evaluation
from ratchet.core.state import State
from ratchet.loop.liveness import Liveness, Tally, judge, plant
from ratchet.loop.recipe import Mechanism, Records


@pytest.mark.parametrize(
    ("planted", "occurred", "effective", "state"),
    [
        (True, 0, 0, Liveness.DORMANT),
        (True, 3, 3, Liveness.LIVE),
        (True, 3, 1, Liveness.LIVE),
        (True, 3, 0, Liveness.DEAD),
        (False, 0, 0, Liveness.DEAD),
        (False, 3, 3, Liveness.DEAD),
        (False, 3, 0, Liveness.DEAD),
        (None, 3, 3, Liveness.DEAD),
    ],
)
def test_the_table_of_states(
    planted: bool | None, occurred: int, effective: int, state: Liveness
) -> None:
    tally = Tally()
    for number in range(occurred):
        tally.observe("filter", number < effective)
    given = {} if planted is None else {"filter": planted}
    assert judge(given, tally) == {"filter": state}


def test_generations_add_up() -> None:
    tally = Tally()
    tally.add({"clip": [2, 0], "scale": [1, 1]})
    tally.add({"clip": (1, 1)})
    tally.observe("clip", False)
    assert tally.counts == {"clip": [4, 1], "scale": [1, 1]}


@dataclass(frozen=True)
class Alarm:
    """Fires on a low score."""

    name: str
    threshold: float

    def measure(self, window: Sequence[Records], state: State) -> Finding | None:
        low = [r for r in window[-1] if isinstance(r, Evaluation) and r.score < self.threshold]
        return Finding(self.name, "low") if low else None

    def planted(self) -> Sequence[Records]:
        return [[Evaluation("bad", 0.1)]]


def test_planted_triggers_are_sent_and_their_effect_seen() -> None:
    mechanisms = [Mechanism("works", lambda: True), Mechanism("broken", lambda: False)]
    probes = [Alarm("alarm", 0.5), Alarm("deaf", 0.0)]
    fired = plant(mechanisms, probes, State({}))
    assert fired == {"works": True, "broken": False, "alarm": True, "deaf": False}
    states = judge(fired, Tally())
    assert [n for n, s in states.items() if s is Liveness.DEAD] == ["broken", "deaf"]
