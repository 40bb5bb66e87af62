"""Learnable gain is 0 between like rounds, above 0 for what is new, below 0 for contraction."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import pytest

from ratchet.core.findings import Halt
from ratchet.core.records import Records
from ratchet.core.seeds import Seed
from ratchet.diagnose.information_gain import STOP, LearnableGain, Said, measure_gain
from ratchet.diagnose.ngram import NGram
from ratchet.diagnose.reading import plant
from ratchet.loop.monitor import Past, judge_all, read_all, try_out
from ratchet.worlds.arithmetic import Arithmetic, solve_exactly

WORLD = Arithmetic()
EASY, OTHER = WORLD.families[:2], WORLD.families[4:6]


def round_of(families: Sequence[str], seed: int, n: int = 64) -> list[Said]:
    rng = Seed(seed).rng()
    tasks = [t for f in families for t in WORLD.tasks(rng, n // len(families), family=f)]
    return [(task.prompt, str(solve_exactly(task.prompt))) for task in tasks]


def test_an_ngram_by_hand() -> None:
    """Order 1 of "aa": a twice and the end once; two kinds; below it 1/97."""
    model = NGram(["aa"], order=1)
    a, end = (2 + 2 / 97) / 5, (1 + 2 / 97) / 5
    assert model.losses("a") == pytest.approx([-math.log(a), -math.log(end)])
    assert NGram([]).losses("x") == pytest.approx([math.log(97)] * 2)


def test_an_ngram_is_a_distribution_and_learns() -> None:
    model = NGram(["12 + 3", "12 + 4", "7 * 8"])
    letters = [chr(c) for c in range(32, 127)] + ["\n"]
    chances = [math.exp(-model.losses(f"12 + {c}")[5]) for c in letters]
    end = math.exp(-model.losses("12 + ")[5])
    assert sum(chances) + end == pytest.approx(1.0)
    assert fmean(model.losses("12 + 3")) < fmean(model.losses("93 / 1"))
    assert Counter(model.losses("")) == Counter(NGram(["12 + 3", "12 + 4", "7 * 8"]).losses(""))


def test_the_same_round_again_holds_exactly_nothing() -> None:
    texts = round_of(EASY, 1)
    gain = measure_gain(list(reversed(texts)), texts)
    assert gain.whole.mean == pytest.approx(0.0, abs=1e-12)
    assert (gain.question, gain.answer) == pytest.approx((0.0, 0.0), abs=1e-12)


def test_other_draws_of_one_kind_hold_about_nothing() -> None:
    gains = [
        measure_gain(round_of(EASY, n), round_of(EASY, n + 50)).whole.mean for n in range(1, 9)
    ]
    assert abs(fmean(gains)) < 0.06 and max(map(abs, gains)) < 0.2


def test_what_is_new_is_above_0_and_contraction_below() -> None:
    new = measure_gain(round_of(OTHER, 2), round_of(EASY, 1))
    assert new.whole.low > 0.1
    contracted = measure_gain(round_of(EASY[:1], 5), round_of(WORLD.families[:3], 1))
    assert contracted.whole.high < 0.0


def test_a_gain_is_split_between_questions_and_answers() -> None:
    texts = round_of(EASY, 1)
    gain = measure_gain([(q, f"it is {a} I say") for q, a in texts], texts)
    assert gain.question + gain.answer == pytest.approx(gain.whole.mean)
    assert gain.answer > 0.3 > gain.question


def test_a_round_without_texts_is_refused() -> None:
    with pytest.raises(ValueError, match="two rounds"):
        measure_gain([], round_of(EASY, 1))


def records(texts: Sequence[Said]) -> Records:
    found = [plant("solver", q, a) for q, a in texts]
    return [replace(t, task=replace(t.task, prompt=t.task.id)) for t in found]


def alarms(*rounds: Sequence[Said]) -> list[int]:
    """Return the generations in which the monitor halts."""
    monitor, history, seen, fired = LearnableGain(), list[Past](), list[Records](), list[int]()
    for number, texts in enumerate(rounds, 1):
        seen = [*seen, records(texts)][-3:]
        history.append(Past(read_all([monitor], seen)))
        if any(f.action == Halt() for f in judge_all([monitor], history)):
            fired.append(number)
    return fired


def test_a_run_that_says_the_same_stops_after_two_rounds_without_gain() -> None:
    first, then = round_of(EASY, 1), round_of(OTHER, 2)
    assert alarms(first, then, then, then, then) == [4, 5]
    assert alarms(first, then, then) == []
    third = round_of(WORLD.families[7:], 3)
    assert alarms(first, then, third, third) == []
    assert alarms(first, then, third, third, third) == [5]


def test_a_run_that_moves_on_is_left_alone_and_so_is_one_without_a_scale() -> None:
    steps = [round_of(WORLD.families[n : n + 1], n + 1) for n in range(6)]
    assert alarms(*steps) == []
    assert alarms(*[round_of(EASY, 1)] * 6) == []


def test_too_few_questions_are_no_round() -> None:
    few = round_of(EASY, 1)[:8]
    assert alarms(few, round_of(OTHER, 2)[:8], few, few, few) == []


def held(*rates: float) -> Records:
    """Return 32 held tasks with four attempts each, solved in these shares."""
    return [
        plant("held", str(task), passed=k < 4 * rate)
        for task, rate in enumerate(rates * (32 // len(rates)))
        for k in range(4)
    ]


def stops(texts: Sequence[Sequence[Said]], tried: Sequence[Records]) -> list[int]:
    """Return the rounds in which the rule by which a run stops itself would stop it."""
    history, seen, fired = list[Past](), list[Records](), list[int]()
    for number, (said, others) in enumerate(zip(texts, tried, strict=True), 1):
        seen = [*seen, [*records(said), *others]][-3:]
        history.append(Past(read_all([STOP], seen)))
        if any(f.action == Halt() for f in judge_all([STOP], history)):
            fired.append(number)
    return fired


def test_a_run_is_stopped_only_where_held_tasks_go_down_too() -> None:
    first, then = round_of(EASY, 1), round_of(OTHER, 2)
    stale, moving = [first, *[then] * 7], [round_of([f], 3) for f in WORLD.families]
    up, down = ([held(rate, 0.5) for rate in rates] for rates in (_UP, _UP[::-1]))
    flat = [held(0.5, 0.25)] * 8
    assert alarms(*stale) == [4, 5, 6, 7, 8]
    assert stops(stale, down) == [6, 7, 8], "before, there are not twice three rounds"
    assert stops(stale, up) == [] and stops(stale, flat) == []
    assert stops(moving, down) == []
    assert stops(stale, [[]] * 8) == [], "without held tasks nobody knows"
    few = [one[:32] for one in down]
    assert stops(stale, few) == [], "eight tasks are too few"


_UP = (0.0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1.0)


def test_held_tasks_are_paired_with_themselves() -> None:
    """The same mean, but other tasks: with so different changes nothing is certain."""
    first, then = round_of(EASY, 1), round_of(OTHER, 2)
    tried = [held(1.0, 0.0)] * 5 + [held(0.0, 0.75)] * 3
    assert stops([first, *[then] * 7], tried) == []
    assert stops([first, *[then] * 7], [held(1.0, 0.5)] * 5 + [held(0.75, 0.25)] * 3) == [6, 7, 8]


def test_it_is_alive() -> None:
    assert try_out([STOP], 3) == {"learnable_gain": True}
    assert try_out([replace(STOP, rise=-1.0)], 3) == {"learnable_gain": False}
    assert try_out([LearnableGain()], 3) == {"learnable_gain": True}
    assert try_out([LearnableGain()], 1) == {"learnable_gain": False}
