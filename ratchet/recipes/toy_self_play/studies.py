"""Two studies: when the alarm of learnable gain comes, and which observer finds most to learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.core.seeds import Seed
from ratchet.curriculum.memoriser import Round, Setting, memorise
from ratchet.diagnose.epiplexity import measure_epiplexity
from ratchet.diagnose.information_gain import HELD_TASK, STOP, LearnableGain, read_texts
from ratchet.diagnose.observer import CharacterObserver
from ratchet.loop.monitor import Reading
from ratchet.worlds.arithmetic import Arithmetic, solve_exactly

_FAMILIES, _TASKS, _HELD_OUT = 4, 600, 120


@dataclass(frozen=True)
class Course:
    """A simulated course, played to its end, and where the rule would have stopped it."""

    scores: tuple[float, ...]
    """Score after each round."""
    gains: tuple[float, ...]
    """C_t from the second round on."""
    stop: int | None
    """Round, from 1, in which the rule would have stopped it."""

    @property
    def peak(self) -> int:
        """Round of the highest score."""
        return self.scores.index(max(self.scores)) + 1

    @property
    def lost(self) -> float:
        """What a later round has above the one it stopped in; 0 without a stop."""
        return max(self.scores[self.stop - 1 :]) - self.scores[self.stop - 1] if self.stop else 0.0


def watch(rounds: Sequence[Round], monitor: LearnableGain) -> Course:
    """Show a course to the monitor."""
    readings, gains, stop = [Reading(_held_in(rounds[0]))], list[float](), None
    for number in range(1, len(rounds)):
        numbers = read_texts(rounds[number].texts, rounds[number - 1].texts, monitor.least)
        readings.append(Reading(numbers | _held_in(rounds[number])))
        if numbers:
            gains.append(numbers["now.whole.mean"] - numbers["before.whole.mean"])
        if stop is None and monitor.judge(readings):
            stop = number + 1
    return Course(tuple(one.score for one in rounds), tuple(gains), stop)


def _held_in(one: Round) -> dict[str, float]:
    return {f"{HELD_TASK}{place}": rate for place, rate in enumerate(one.held)}


def follow_gain(seed: Seed) -> dict[str, float]:
    """Return rounds of alarm and peak of a learner that memorises, and what a stop would have cost;
    the same of the rule by which a run stops itself, which asks held tasks too (``asked``).

    An alarm that never comes counts as the round after the last.
    """
    rounds = memorise(Setting(), seed)
    course, asked = (watch(rounds, rule) for rule in (LearnableGain(), STOP))
    alarm = course.stop or len(course.scores) + 1
    improving = memorise(Setting(truth=True, questions=400), seed.child("improving"))
    return {
        "alarm": float(alarm),
        "peak": float(course.peak),
        "lead": float(course.peak - alarm),
        "lost": course.lost,
        "asked_stops": float(asked.stop is not None),
        "asked_lost": asked.lost,
        "asked_lost_improving": watch(improving, STOP).lost,
    }


def size_observers(widths: Sequence[int], seed: Seed) -> dict[str, float]:
    """Return S in bits by an observer's width, on the same problems and answers in the same order;
    the rise from the smallest to the best, and the fall from there to the largest."""
    world, rng = Arithmetic(), seed.child("texts").rng()
    tasks = [
        task
        for family in world.families[:_FAMILIES]
        for task in world.tasks(rng, _TASKS // _FAMILIES, family=family)
    ]
    texts = [
        f"{tasks[i].prompt}\n{solve_exactly(tasks[i].prompt)}" for i in rng.permutation(len(tasks))
    ]
    train, held_out = texts[_HELD_OUT:], texts[:_HELD_OUT]
    found = []
    for width in widths:
        observer = CharacterObserver(width, seed.child("observer", width), lr=0.03)
        found.append(measure_epiplexity(observer, train, held_out, batch=8).bits)
    told = {f"bits_{width}": bits for width, bits in zip(widths, found, strict=True)}
    return told | {"rise": max(found) - found[0], "fall": max(found) - found[-1]}
