from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ratchet.core.errors import ConfigError
from ratchet.core.seeds import Seed
from ratchet.search.archive import Archive, Entry
from ratchet.search.cascade import Assessment, Cascade, Metric, Stage, self_test
from ratchet.search.evolve import BEST_OF_N, EVOLVE, REFINE, Search
from ratchet.search.proposer import Proposal

TARGET = "ratchet"


class Letters:
    """Words of seven letters; a change replaces one of them."""

    def fresh(self, seed: Seed) -> Proposal:
        letters = seed.rng().integers(97, 123, len(TARGET))
        return Proposal("".join(map(chr, letters)))

    def change(self, parents: Sequence[Entry], seed: Seed) -> Proposal:
        rng, word = seed.rng(), list(parents[0].program)
        word[int(rng.integers(len(word)))] = chr(rng.integers(97, 123))
        return Proposal("".join(word), tuple(p.id for p in parents[:1]), "mutate")


def judge(word: str) -> Assessment:
    if word.startswith("z"):
        return Assessment(failure="z", feedback="starts with z")
    right = sum(a == b for a, b in zip(word, TARGET, strict=True))
    return Assessment(right / len(TARGET), cell=(right,))


def run(search: Search, evaluations: int, slices: int = 1) -> Archive:
    archive = Archive(islands=2)
    for _ in range(slices):
        archive, _ = search.advance(archive, evaluations // slices, Seed(3))
    return archive


def test_evolution_beats_independent_draws_at_equal_budget() -> None:
    best = {s.name: run(Search(Letters(), judge, s), 600).best.score for s in (EVOLVE, BEST_OF_N)}
    assert best["evolve"] >= best["best_of_n"] + 2 / 7


def test_refinement_only_changes_the_best() -> None:
    archive = Archive()
    search = Search(Letters(), judge, REFINE)
    search.plant(archive, ["aaaaaaa"])
    archive, _ = search.advance(archive, 100, Seed(1))
    best = 0.0
    for entry in archive:
        if entry.parents:
            assert archive[entry.parents[0]].score == best
        best = max(best, entry.score)


def test_a_first_population_comes_before_any_change() -> None:
    archive = run(Search(Letters(), judge, replace(EVOLVE, opening=40)), 120)
    made = [entry.operator for entry in archive]
    assert set(made[:40]) == {"fresh"} and made[40:].count("mutate") > 40


def test_slices_make_the_same_archive_as_one_piece() -> None:
    search = Search(Letters(), judge)
    assert list(run(search, 120, 4)) == list(run(search, 120))


def test_what_is_known_is_never_evaluated_again() -> None:
    seen: list[str] = []

    class Two:
        def fresh(self, seed: Seed) -> Proposal:
            return Proposal(str(seed.rng().integers(2)))

        def change(self, parents: Sequence[Entry], seed: Seed) -> Proposal:
            return self.fresh(seed)

    def note(program: str) -> Assessment:
        seen.append(program)
        return Assessment(0.5)

    archive, tally = Search(Two(), note).advance(Archive(), 10, Seed(1))
    assert sorted(seen) == ["0", "1"] and len(archive) == 2
    assert tally.evaluations == 2 and tally.known >= 20


def test_failures_are_data() -> None:
    archive, tally = Search(Letters(), judge, BEST_OF_N).advance(Archive(), 200, Seed(2))
    failed = [e for e in archive if e.failure]
    assert tally.failures == {"z": len(failed)} and failed
    assert all(e.feedback == "starts with z" and e.score == 0 for e in failed)


def test_a_program_that_behaves_like_another_is_no_second_parent() -> None:
    def same(program: str) -> Assessment:
        return Assessment(0.5, behaviour="one")

    archive, tally = Search(Letters(), same).advance(Archive(), 10, Seed(1))
    assert len(archive.alive()) == 1 and tally.failures == {"equivalent": 9}


def test_seconds_stop_a_search_between_evaluations() -> None:
    archive, tally = Search(Letters(), judge).advance(Archive(), 50, Seed(1), seconds=0.0)
    assert tally.evaluations == 0 and len(archive) == 0


def test_a_cascade_spares_the_dear_stage() -> None:
    dear: list[str] = []

    def last(program: str) -> Assessment:
        dear.append(program)
        return Assessment(0.9)

    cheap = Stage("length", lambda p: Assessment(len(p) / 10), 0.5)
    cascade = Cascade((cheap, Stage("dear", last)))
    assert cascade("abc").failure == "below_length"
    assert cascade("abcdef").score == 0.9
    assert dear == ["abcdef"]


def test_a_metric_states_its_direction_and_what_is_impossible() -> None:
    loss = Metric("loss", rises=False, low=0.0, high=10.0)
    assert loss.score(1.0).score > loss.score(2.0).score
    assert loss.score(-1.0).failure == loss.score(float("nan")).failure == "impossible_value"
    assert loss.score(2.5).score == 0.75 and loss.score(11.0).failure == "impossible_value"


def test_a_metric_without_end_is_mapped_all_the_same() -> None:
    error = Metric("error", rises=False, low=0.0)
    assert [error.score(x).score for x in (0.0, 1.0, 3.0)] == [1.0, 0.5, 0.25]
    gain = replace(error, rises=True)
    assert [gain.score(x).score for x in (0.0, 1.0, 3.0)] == [0.0, 0.5, 0.75]
    assert error.score(float("inf")).failure == "impossible_value"


def test_an_evaluator_that_cannot_tell_good_from_bad_stops_a_search() -> None:
    self_test(judge, {TARGET: 1.0}, {"zebra12": "z"})
    with pytest.raises(ConfigError, match="must reach"):
        self_test(judge, {"aaaaaaa": 0.9}, {})
    with pytest.raises(ConfigError, match="must fail as z"):
        self_test(lambda p: Assessment(1.0), {}, {"zebra12": "z"})
