"""Studies: measured on the same anchors and recorded item by item."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ratchet.core.codec import from_data
from ratchet.core.evidence import Scores
from ratchet.core.seeds import Seed
from ratchet.guard.charter import find_charter
from ratchet.guard.evaluator import Evaluator
from ratchet.loop.ledger import Ledger
from ratchet.loop.study import study
from ratchet.worlds.functions import default_law
from ratchet.worlds.protocol import Stream


class Law:
    """Answers with the true law plus noise of its seed."""

    def __init__(self, noise: float) -> None:
        self.noise = noise

    def answer(self, prompts: Sequence[str], seed: Seed) -> list[str]:
        drawn = seed.rng().normal(size=len(prompts))
        xs = [float(prompt.partition("=")[2]) for prompt in prompts]
        return [str(default_law(x) + self.noise * d) for x, d in zip(xs, drawn, strict=True)]


def test_a_study_is_recorded_item_by_item(tmp_path: Path) -> None:
    solvers = {"exact": Law(0.0), "noisy": Law(30.0), "twin": Law(30.0)}
    with (
        Evaluator(find_charter("functions"), 1, tmp_path / "evaluator") as evaluator,
        closing(Ledger(tmp_path / "ledger.sqlite")) as ledger,
    ):
        scores = study("noise", ledger, evaluator, solvers, Stream.AUDIT, 20, 3, Seed(1))
        other = study("again", ledger, evaluator, solvers, Stream.AUDIT, 20, 3, Seed(1))
        entries = list(ledger.entries("study"))
    assert scores["exact"].mean == 1.0 > scores["noisy"].mean > 0.0
    # One draw and one seed for all: equal solvers give equal answers.
    assert scores["noisy"] == scores["twin"]
    assert len({tuple(i.item for i in s.items) for s in (*scores.values(), *other.values())}) == 1
    assert other["noisy"] != scores["noisy"]
    assert [entry.body["name"] for entry in entries] == ["noise", "again"]
    body = entries[0].body
    assert (body["stream"], body["draw"], body["n"]) == ("audit", 3, 20)
    assert {name: from_data(Scores, data) for name, data in body["scores"].items()} == scores
