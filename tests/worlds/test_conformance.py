from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from ratchet.core.errors import RatchetError
from ratchet.core.task import Rejection, Task, Verdict
from ratchet.worlds.arithmetic import Arithmetic, solve_exactly
from ratchet.worlds.conformance import CHECKS, ConformanceError, check_world
from ratchet.worlds.countdown import Countdown
from ratchet.worlds.functions import Functions
from ratchet.worlds.programs import Programs
from ratchet.worlds.protocol import Stream, World


@pytest.mark.parametrize("make", [Arithmetic, Countdown, Functions, Programs])
def test_shipped_worlds_pass(make: Callable[[], World]) -> None:
    assert check_world(make()) == list(CHECKS)


class YieldsReserved(Functions):
    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        tasks = super().tasks(rng, n, level, family)
        if tasks and family is None:
            stolen = self.anchors(rng, 1, Stream.FINAL, {tasks[0].family: 1.0}, {1: 1.0})
            tasks[-1] = stolen[0]
        return tasks


class AlwaysPasses(Functions):
    def check(self, task: Task, answer: str) -> Verdict:
        return Verdict(1.0, True, True, "exact")


class Falls(Functions):
    def check(self, task: Task, answer: str) -> Verdict:
        float(answer)
        return super().check(task, answer)


class ScoresTooHigh(Functions):
    def check(self, task: Task, answer: str) -> Verdict:
        verdict = super().check(task, answer)
        return replace(verdict, reward=verdict.reward + 0.5)


class TrustsTheModel(Arithmetic):
    def check(self, task: Task, answer: str) -> Verdict:
        if solve_exactly(answer) is not None and task.prompt.isdigit():
            return Verdict(1.0, True, True, "exact")
        return super().check(task, answer)


class ParsesAnchors(Functions):
    def parse(self, text: str) -> Task | Rejection:
        read = super().parse(text)
        if isinstance(read, Rejection) and read.reason == "reserved":
            return Task("new", self.name, text, "near", 1, ("model",))
        return read


class ParseFalls(Functions):
    def parse(self, text: str) -> Task | Rejection:
        text.encode()
        return super().parse(text)


class NamelessRejection(Functions):
    def parse(self, text: str) -> Task | Rejection:
        read = super().parse(text)
        return replace(read, reason="") if isinstance(read, Rejection) else read


class OneStream(Functions):
    def anchors(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream,
        families: Mapping[str, float],
        levels: Mapping[int, float],
    ) -> Sequence[Task]:
        return super().anchors(rng, n, Stream.GATE, families, levels)


class IgnoresWeights(Functions):
    def anchors(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream,
        families: Mapping[str, float],
        levels: Mapping[int, float],
    ) -> Sequence[Task]:
        return super().anchors(rng, n, stream, dict.fromkeys(self.families, 1.0), levels)


class Repeats(Functions):
    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        tasks = super().tasks(rng, n, level, family)
        return tasks[:1] * len(tasks)


class OwnRandomness(Functions):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        self.calls += 1
        return super().tasks(np.random.default_rng(self.calls), n, level, family)


class NewIds(Functions):
    def parse(self, text: str) -> Task | Rejection:
        read = super().parse(text)
        return replace(read, id="other") if isinstance(read, Task) else read


class ForeignTasks(Functions):
    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        return [replace(t, world="elsewhere") for t in super().tasks(rng, n, level, family)]


class TakesAnyFamily(Functions):
    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        return super().tasks(rng, n, level, family if family in self.families else None)


class TooMany(Functions):
    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        return super().tasks(rng, n + 1, level, family)


class NoFamilies(Functions):
    families: tuple[str, ...] = ()


BROKEN: tuple[tuple[str, type[Arithmetic] | type[Functions]], ...] = (
    ("names", NoFamilies),
    ("well_formed", ForeignTasks),
    ("deterministic", OwnRandomness),
    ("distinct", Repeats),
    ("sized", TooMany),
    ("families", IgnoresWeights),
    ("bad_names", TakesAnyFamily),
    ("open_tasks", YieldsReserved),
    ("reserved_anchors", ParsesAnchors),
    ("streams_disjoint", OneStream),
    ("check_total", Falls),
    ("check_total", ScoresTooHigh),
    ("nonsense_fails", AlwaysPasses),
    ("parse_total", ParseFalls),
    ("parse_total", NamelessRejection),
    ("swapped_arguments", TrustsTheModel),
    ("round_trip", NewIds),
)


@pytest.mark.parametrize(("check", "make"), BROKEN, ids=lambda v: getattr(v, "__name__", v))
def test_a_broken_world_fails_the_check_that_names_its_fault(
    check: str, make: Callable[[], World]
) -> None:
    with pytest.raises(ConformanceError) as caught:
        check_world(make())
    assert caught.value.check == check
    assert isinstance(caught.value, RatchetError) and caught.value.hint


def test_every_check_catches_a_planted_fault() -> None:
    assert {check for check, _ in BROKEN} == set(CHECKS)
