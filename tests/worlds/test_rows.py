from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ratchet.core.task import Rejection
from ratchet.worlds.conformance import CHECKS, check_world
from ratchet.worlds.protocol import Stream
from ratchet.worlds.rows import Rows, TableTerms, hash_table, read_prompt


@pytest.fixture
def terms(tmp_path: Path) -> TableTerms:
    path = tmp_path / "table.csv"
    lines = [f"{'ab'[i % 2]},{i / 10},{i * 0.3},{-i}" for i in range(400)]
    path.write_text("group,x,y,z\n" + "\n".join(lines) + "\n")
    numbers = tuple(range(400))
    return TableTerms(
        path=str(path),
        digest=hash_table(path),
        features=("group", "x"),
        targets=("y", "z"),
        gate=numbers[300:340],
        audit=numbers[340:360],
        final=numbers[360:],
    )


def test_it_keeps_the_contract_of_a_world(terms: TableTerms) -> None:
    assert check_world(Rows(terms)) == list(CHECKS)


def test_reserved_rows_are_those_of_the_charter(terms: TableTerms) -> None:
    world, rng = Rows(terms), np.random.default_rng(0)
    drawn = world.anchors(rng, 1000, Stream.GATE, {"rows": 1.0}, {1: 1.0})
    assert sorted(int(t.prompt[4:7]) for t in drawn) == list(terms.gate)
    assert len(world.tasks(rng, 1000)) == 300
    refused = world.parse("row 350")
    assert isinstance(refused, Rejection) and refused.reason == "reserved"


def test_an_error_of_a_tenth_of_the_spread_scores_a_half(terms: TableTerms) -> None:
    world = Rows(terms)
    task = world.tasks(np.random.default_rng(0), 1)[0]
    shown = read_prompt(task.prompt)
    x = float(shown["x"])
    assert set(shown) == {"group", "x"}
    exact = world.check(task, f"{x * 3} {-x * 10}")
    assert exact.reward == pytest.approx(1.0) and exact.passed
    off = world.check(task, f"{x * 3 + world.scale[0]} {-x * 10 + world.scale[1]}")
    assert off.reward == pytest.approx(0.5)
    assert not world.check(task, f"{x * 3}").parsed


def test_a_table_that_has_changed_is_refused(terms: TableTerms) -> None:
    path = Path(terms.path)
    path.write_text(path.read_text().replace("a,0.0,", "a,0.5,"))
    with pytest.raises(ValueError, match="it has changed"):
        Rows(terms)


def test_a_row_belongs_to_one_stream(terms: TableTerms) -> None:
    with pytest.raises(ValueError, match="reserves a row twice"):
        Rows(terms.model_copy(update={"audit": (300, 341)}))
    with pytest.raises(ValueError, match="not there"):
        Rows(terms.model_copy(update={"audit": (5000,)}))
