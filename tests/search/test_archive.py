from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ratchet.core.codec import hash_files, hash_text
from ratchet.search.archive import Archive, Entry
from ratchet.search.sampling import by_cell, by_least, by_rank, by_visits, either, greedy, mixed


def grown() -> Archive:
    archive = Archive(islands=2)
    archive.add(Entry("a", 0.2, cell=(1,), behaviour="x"))
    archive.add(Entry("b", 0.9, (hash_text("a"),), "mutate", cell=(1,), island=1))
    archive.add(Entry("c", 0.5, (hash_text("b"), hash_text("a")), "cross", cell=(2,)))
    archive.add(Entry("d", 0.0, (hash_text("b"),), "mutate", "not_finite", "no value"))
    return archive


def test_an_archive_survives_the_disk_with_the_same_hash(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    grown().write(first)
    again = Archive.read(first)
    again.write(second)
    assert hash_files(first) == hash_files(second)
    assert list(again) == list(grown()) and again.islands == 2


def test_lineage_leads_back_to_the_seed() -> None:
    archive = grown()
    assert [e.program for e in archive.lineage(archive[hash_text("c")])] == ["a", "b", "c"]


def test_failures_are_kept_but_are_no_parents_and_no_best() -> None:
    archive = grown()
    assert len(archive) == 4 and archive.best.program == "b"
    assert [e.program for e in archive.alive()] == ["b", "c", "a"]


def test_the_elite_of_a_cell_is_its_best() -> None:
    assert [e.program for e in grown().elites()] == ["b", "c"]


def test_a_program_is_kept_once_and_needs_its_parents() -> None:
    archive = grown()
    with pytest.raises(ValueError, match="already"):
        archive.add(Entry("a", 0.3))
    with pytest.raises(ValueError, match="no parent"):
        archive.add(Entry("e", 0.3, ("0" * 32,)))


def test_programs_of_one_behaviour_are_found() -> None:
    archive = grown()
    twin = archive.like("x")
    assert twin is not None and twin.program == "a"
    assert archive.like("y") is None and archive.like("") is None


def test_migration_moves_the_best_to_the_next_island() -> None:
    moved = grown().migrate(1)
    islands = {e.program: e.island for e in moved}
    assert islands["b"] == 0 and islands["c"] == 1 and islands["a"] == 0


def test_greedy_takes_the_best_and_visits_drive_others_away_from_it() -> None:
    archive, rng = grown(), np.random.default_rng(0)
    assert greedy(archive, rng, 1).program == "b"
    for n in range(30):
        archive.add(Entry(f"child {n}", 0.1, (hash_text("b"),), island=1))
    archive.add(Entry("fresh", 0.9, island=1))
    drawn = [by_visits(archive, rng, 1).program for _ in range(200)]
    assert drawn.count("fresh") > 2 * drawn.count("b")


def test_rank_prefers_the_better_and_cells_are_drawn_evenly() -> None:
    archive, rng = Archive(), np.random.default_rng(0)
    for n in range(10):
        archive.add(Entry(str(n), n / 10, cell=(int(n == 0),)))
    drawn = [by_rank(archive, rng).program for _ in range(300)]
    assert drawn.count("9") > 2 * drawn.count("5") > 0
    cells = [by_cell(archive, rng).program for _ in range(300)]
    assert set(cells) == {"0", "9"} and 100 < cells.count("0") < 200
    assert {mixed(archive, rng).program for _ in range(300)} >= {"0", "9", "5"}


def test_a_second_objective_draws_what_the_score_does_not() -> None:
    archive, rng = Archive(), np.random.default_rng(0)
    for n in range(10):
        archive.add(Entry(str(n), n / 10, measures={"length": float(n)}))
    short = [by_least("length")(archive, rng, 0).program for _ in range(300)]
    assert short.count("0") > 2 * short.count("5") > 0
    both = [either(greedy, by_least("length"))(archive, rng, 0).program for _ in range(300)]
    assert both.count("9") > 100 and both.count("0") > 2 * both.count("5") > 0
